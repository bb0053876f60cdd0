import numpy as np
from numpy import nan

from dataselect.strategies import Candidates
from dataselect.strategies.ppl_low import PplLow


def test_ranks_low_before_high_and_ties_by_id():
    candidates = Candidates(["a", "b", "c", "d", "e"], {"ppl": np.array([8.0, 2.5, nan, 2.5, 4.0])})
    ranking = PplLow().rank(candidates, np.random.default_rng(0))
    assert ranking.order.tolist() == [1, 3, 4, 0]
    assert ranking.scores.tolist() == [2.5, 2.5, 4.0, 8.0]
