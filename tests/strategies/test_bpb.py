import numpy as np
import pytest

from dataselect.strategies import Candidates, make_strategy

# 8 nats over 4 bytes, 2 nats over 4 bytes, 3 nats over 4 bytes, in bits: 2.885, 0.721, 1.082
CANDIDATES = Candidates(["a", "b", "c"], {"bits_per_byte": np.array([8.0, 2.0, 3.0]) / (4 * np.log(2))})


@pytest.mark.parametrize(
    ("params", "order"), [({}, "bca"), ({"direction": "high"}, "acb"), ({"direction": "mid"}, "cab")]
)
def test_lowest_first_by_default(params, order):
    ranking = make_strategy("bpb", params).rank(CANDIDATES, np.random.default_rng(0))
    assert "".join(CANDIDATES.ids[i] for i in ranking.order) == order


def test_a_reference_is_subtracted_in_bits_per_byte():
    # 8 - 2 nats over 4 bytes, 3 - 4 over 2; c was given other bytes by the reference's template, d has none
    columns = {"nll_difference.other": np.array([6.0, -1.0, np.nan, 0.0]), "response_bytes": np.array([4.0, 2, 4, 0])}
    ranking = make_strategy("bpb", {"reference": "other"}).rank(
        Candidates([*"abcd"], columns), np.random.default_rng(0)
    )
    assert ranking.order.tolist() == [1, 0]
    assert ranking.scores.tolist() == pytest.approx([-1 / (2 * np.log(2)), 6 / (4 * np.log(2))])
