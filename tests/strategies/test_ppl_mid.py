import numpy as np
from numpy import nan

from dataselect.strategies import Candidates
from dataselect.strategies.ppl_mid import PplMid, median_distance


def test_ranks_by_distance_from_the_median_rank():
    # ascending: b 1.5, e 2, a 3, f 50, d 900 -> ranks 0 to 4, median rank 2, distances 2 1 0 1 2
    candidates = Candidates(["a", "b", "c", "d", "e", "f"], {"ppl": np.array([3, 1.5, nan, 900, 2, 50])})
    ranking = PplMid().rank(candidates, np.random.default_rng(0))
    assert [candidates.ids[i] for i in ranking.order] == ["a", "e", "f", "b", "d"]
    assert ranking.scores.tolist() == [0, 1, 1, 2, 2]


def test_an_even_pool_has_its_median_between_two_ranks():
    assert median_distance(np.array([10.0, 20.0, 30.0, 40.0])).tolist() == [1.5, 0.5, 0.5, 1.5]


def test_equal_values_share_their_mean_rank():
    # ranks of 5, 5, 5, 9 are 1, 1, 1, 3 around the median rank 1.5
    assert median_distance(np.array([5.0, 5.0, 9.0, 5.0])).tolist() == [0.5, 0.5, 1.5, 0.5]


def test_agrees_with_scipy_ranks():
    from scipy.stats import rankdata

    values = np.random.default_rng(0).integers(0, 20, 101).astype(float)
    assert median_distance(values).tolist() == np.abs(rankdata(values) - 51).tolist()
