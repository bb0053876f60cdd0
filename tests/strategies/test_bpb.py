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
