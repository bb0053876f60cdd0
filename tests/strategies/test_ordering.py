import numpy as np
from numpy import inf, nan

from dataselect.strategies.ordering import ascending


def test_ascending_leaves_out_what_is_not_finite_and_keeps_ties_in_place():
    ranking = ascending(np.array([2.0, inf, 1.0, nan, 2.0, -inf, 1.0]), np.arange(7.0))
    assert ranking.order.tolist() == [2, 6, 0, 4]
    assert ranking.scores.tolist() == [2.0, 6.0, 0.0, 4.0]
