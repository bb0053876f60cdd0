import numpy as np
from numpy import nan

from dataselect.strategies import Candidates
from dataselect.strategies.aligned_likelihood import AlignedLikelihood


def test_the_most_likely_under_the_aligned_models_first():
    # means over two models of the mean log-probability: (-1 - 3) / 2, (-0.5 - 0.5) / 2, none
    candidates = Candidates(["a", "b", "c"], {"aligned_likelihood": np.array([-2.0, -0.5, nan])})
    ranking = AlignedLikelihood().rank(candidates, np.random.default_rng(0))
    assert ranking.order.tolist() == [1, 0]
    assert ranking.scores.tolist() == [-0.5, -2.0]
