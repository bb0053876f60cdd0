import numpy as np
from numpy import nan

from dataselect.strategies import Candidates
from dataselect.strategies.ppl_mid import PplMid


def test_ranks_by_distance_from_the_median_rank():
    # ascending: b 1.5, e 2, a 3, f 50, d 900 -> ranks 0 to 4, median rank 2, distances 2 1 0 1 2
    candidates = Candidates(["a", "b", "c", "d", "e", "f"], {"ppl": np.array([3, 1.5, nan, 900, 2, 50])})
    ranking = PplMid().rank(candidates, np.random.default_rng(0))
    assert [candidates.ids[i] for i in ranking.order] == ["a", "e", "f", "b", "d"]
    assert ranking.scores.tolist() == [0, 1, 1, 2, 2]
