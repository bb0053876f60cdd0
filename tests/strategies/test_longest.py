import numpy as np
from numpy import nan

from dataselect.strategies import Candidates
from dataselect.strategies.longest import Longest


def test_ranks_long_before_short_and_ties_by_id():
    candidates = Candidates(["a", "b", "c", "d", "e"], {"length": np.array([7, 30, nan, 30, 9])})
    ranking = Longest().rank(candidates, np.random.default_rng(0))
    assert ranking.order.tolist() == [1, 3, 4, 0]
    assert ranking.scores.tolist() == [30, 30, 9, 7]
