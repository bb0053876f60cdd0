"""Leaving points out of a coefficient: the range, and the point that carries it."""

from __future__ import annotations

import numpy as np
import pytest

from dataselect.comparison.influence import Influence, influence

NAMES = ("a", "b", "c", "d")


@pytest.mark.parametrize(
    ("value", "left_out", "found"),
    [
        (0.7, [0.6, 0.8, 0.5, 0.9], Influence(0.5, 0.9)),  # none is below 0.35
        (0.7, [0.6, 0.3, 0.5, -0.6], Influence(-0.6, 0.6, "d", -0.6)),  # b and d carry it; d moves it by 1.3
        (0.7, [0.6, 0.3, 0.5, 0.9], Influence(0.3, 0.9, "b", 0.3)),  # 0.3 < 0.7 / 2
        (0.7, [0.6, 0.35, 0.5, 0.9], Influence(0.35, 0.9)),  # not less than half
        (-0.8, [-0.9, -0.1, -0.7, np.nan], Influence(-0.9, -0.1, "b", -0.1)),  # undefined without d: left out
        (0.5, [np.nan] * 4, Influence()),
        (np.nan, [0.1] * 4, Influence()),
        (0.0, [0.1, -0.1, 0.2, 0.0], Influence(-0.1, 0.2)),  # there is nothing to carry
    ],
)
def test_range_and_the_point_that_carries_it(value, left_out, found):
    assert influence(value, np.array(left_out), NAMES) == found
