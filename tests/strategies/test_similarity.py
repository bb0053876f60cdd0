import numpy as np
from numpy import nan

from dataselect.strategies import Candidates
from dataselect.strategies.similarity import Similarity


def test_ranks_similar_before_unlike_and_ties_by_id():
    candidates = Candidates(["a", "b", "c", "d", "e"], {"similarity": np.array([-0.2, 0.9, nan, 0.9, 0.0])})
    ranking = Similarity().rank(candidates, np.random.default_rng(0))
    assert ranking.order.tolist() == [1, 3, 4, 0]
    assert ranking.scores.tolist() == [0.9, 0.9, 0.0, -0.2]
