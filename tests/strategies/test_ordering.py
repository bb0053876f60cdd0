""" """

import numpy as np
import pytest
from numpy import inf, nan

from dataselect.strategies.ordering import ascending, directed, median_distance


@pytest.mark.parametrize(
    ("direction", "order", "scores"),
    [
        ("low", [1, 3, 4, 0], [2.5, 2.5, 4.0, 8.0]),
        ("high", [0, 4, 1, 3], [8.0, 4.0, 2.5, 2.5]),
        # ranks of 2.5, 2.5, 4, 8 are 0.5, 0.5, 2, 3 around the median rank 1.5: distances 1, 1, 0.5, 1.5
        ("mid", [4, 1, 3, 0], [0.5, 1.0, 1.0, 1.5]),
    ],
)
def test_each_direction_leaves_out_what_is_missing_and_breaks_ties_by_id(direction, order, scores):
    ranking = directed(np.array([8.0, 2.5, nan, 2.5, 4.0]), direction)
    assert ranking.order.tolist() == order
    assert ranking.scores.tolist() == scores


def test_an_even_pool_has_its_median_between_two_ranks():
    assert median_distance(np.array([10.0, 20.0, 30.0, 40.0])).tolist() == [1.5, 0.5, 0.5, 1.5]


def test_equal_values_share_their_mean_rank():
    # ranks of 5, 5, 5, 9 are 1, 1, 1, 3 around the median rank 1.5
    assert median_distance(np.array([5.0, 5.0, 9.0, 5.0])).tolist() == [0.5, 0.5, 1.5, 0.5]


def test_agrees_with_scipy_ranks():
    from scipy.stats import rankdata

    values = np.random.default_rng(0).integers(0, 20, 101).astype(float)
    assert median_distance(values).tolist() == np.abs(rankdata(values) - 51).tolist()


def test_ascending_leaves_out_what_is_not_finite_and_keeps_ties_in_place():
    ranking = ascending(np.array([2.0, inf, 1.0, nan, 2.0, -inf, 1.0]), np.arange(7.0))
    assert ranking.order.tolist() == [2, 6, 0, 4]
    assert ranking.scores.tolist() == [2.0, 6.0, 0.0, 4.0]
