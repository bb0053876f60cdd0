import numpy as np
from numpy import nan

from dataselect.strategies import Candidates
from dataselect.strategies.centroid import Centroid


def test_ranks_what_is_near_the_mean_first_and_ties_by_id():
    candidates = Candidates(["a", "b", "c", "d"], {"centroid_similarity": np.array([0.2, nan, 0.7, 0.7])})
    ranking = Centroid().rank(candidates, np.random.default_rng(0))
    assert ranking.order.tolist() == [2, 3, 0]
    assert ranking.scores.tolist() == [0.7, 0.7, 0.2]
