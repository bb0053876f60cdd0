import numpy as np
import pytest

from dataselect.strategies import Candidates, make_strategy

# ranks 1 and 101 (counts as 100) over 4 nats; 2 and 3 over 5 nats; c has no ranks
CANDIDATES = Candidates(["a", "b", "c"], {"rsr": np.array([101 / 4, 5 / 5, np.nan])})


@pytest.mark.parametrize(
    ("params", "order", "scores"), [({}, "ba", [1.0, 25.25]), ({"direction": "high"}, "ab", [25.25, 1.0])]
)
def test_low_ratios_come_first_by_default_and_null_never(params, order, scores):
    ranking = make_strategy("rsr", params).rank(CANDIDATES, np.random.default_rng(0))
    assert "".join(CANDIDATES.ids[i] for i in ranking.order) == order
    assert ranking.scores.tolist() == scores
