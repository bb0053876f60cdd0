import numpy as np
import pytest

from dataselect.strategies import Candidates, make_strategy

# 1 of 4, 0 of 9 and 3 of 6 tokens are shifted
CANDIDATES = Candidates(["a", "b", "c"], {"shifted_fraction": np.array([1 / 4, 0 / 9, 3 / 6])})


@pytest.mark.parametrize(
    ("params", "order", "scores"),
    [
        ({}, "bac", [0.0, 0.25, 0.5]),
        ({"direction": "high"}, "cab", [0.5, 0.25, 0.0]),
        ({"direction": "mid"}, "abc", [0.0, 1.0, 1.0]),
    ],
)
def test_lowest_first_by_default(params, order, scores):
    ranking = make_strategy("shifted-fraction", params).rank(CANDIDATES, np.random.default_rng(0))
    assert "".join(CANDIDATES.ids[i] for i in ranking.order) == order
    assert ranking.scores.tolist() == scores
