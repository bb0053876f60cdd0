import numpy as np
from numpy import nan

from dataselect.strategies import Candidates, make_strategy

TARGET, REFERENCE = np.array([3.0, 4.0, 6.0, 2.0]), np.array([2.0, 1.0, 5.9, nan])
"""Mean loss per response token: b is hard and can be learned, c is hard for both, d is tokenised otherwise."""

CANDIDATES = Candidates(
    ["a", "b", "c", "d"],
    {"excess_loss": TARGET - REFERENCE, "excess_loss.tuned": np.array([0.2, 0.1, nan, 0.3])},
)


def test_what_the_reference_finds_easier_comes_first_and_noise_last():
    ranking = make_strategy("excess-loss", {}).rank(CANDIDATES, np.random.default_rng(0))
    assert [CANDIDATES.ids[i] for i in ranking.order] == ["b", "a", "c"]
    np.testing.assert_allclose(ranking.scores, [3.0, 1.0, 0.1])


def test_a_reference_may_be_named():
    strategy = make_strategy("excess-loss", {"reference": "tuned"})
    assert strategy.needs.columns == ("excess_loss.tuned",)
    assert strategy.rank(CANDIDATES, np.random.default_rng(0)).order.tolist() == [3, 0, 1]
