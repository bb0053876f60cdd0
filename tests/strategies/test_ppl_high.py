import numpy as np
from numpy import nan

from dataselect.strategies import Candidates
from dataselect.strategies.ppl_high import PplHigh


def test_ranks_high_before_low_and_ties_by_id():
    candidates = Candidates(["a", "b", "c", "d", "e"], {"ppl": np.array([2.5, 8.0, nan, 8.0, 4.0])})
    ranking = PplHigh().rank(candidates, np.random.default_rng(0))
    assert ranking.order.tolist() == [1, 3, 4, 0]
    assert ranking.scores.tolist() == [8.0, 8.0, 4.0, 2.5]
