"""Order candidates by one number from its low end, its high end, or its middle outwards.

Which end is worth training on is the claim that a strategy makes, never a property of the number; what the three mean
is the same everywhere. The middle is that of the ranks and not of the values: scores of language models are skewed, so
that a distance in values would take nearly all of its window from one side.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from dataselect.records import Ranking
from dataselect.strategies.ordering import ascending

Direction = Literal["low", "mid", "high"]
"""Lowest first, nearest to the median rank first, or highest first."""


def directed(values: NDArray[np.float64], direction: Direction) -> Ranking:
    """Rank by `values` in a direction; ties by id, what is not finite left out.

    Args:
        values: (n,) in candidate order.

    Returns:
        The ranking; its scores are the values, and with "mid" their distances from the median in ranks.
    """
    if direction == "low":
        return ascending(values, values)
    if direction == "high":
        return ascending(-values, values)
    distance = median_distance(values)
    return ascending(distance, distance)


def median_distance(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Distance of each value's rank from the median rank; equal values share the mean of their ranks.

    Args:
        values: (n,), NaN where there is no value.

    Returns:
        (n,) in ranks, a multiple of 0.5; NaN where there is no value.
    """
    finite = values[np.isfinite(values)]
    _, inverse, counts = np.unique(finite, return_inverse=True, return_counts=True)
    mean_rank = np.cumsum(counts) - (counts + 1) / 2  # from 0
    distance = np.full(len(values), np.nan)
    distance[np.isfinite(values)] = np.abs(mean_rank[inverse] - (len(finite) - 1) / 2)
    return distance
