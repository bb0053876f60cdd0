"""Order candidates by one number: from its low end, its high end, or its middle outwards.

Every deterministic strategy ends here, so that there is one rule for ties (by id) and one for missing values (left
out). Which end is worth training on is the claim that a strategy makes, never a property of the number. The middle is
that of the ranks and not of the values: scores of language models are skewed, so that a window around the median value
would lie almost entirely on one side.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from dataselect.progress import counted
from dataselect.records import Ranking
from dataselect.strategies.contract import Candidates

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
    """Return the distance of each value's rank from the median rank; equal values share the mean of their ranks.

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


def ascending(keys: NDArray[np.float64], scores: NDArray[np.float64]) -> Ranking:
    """Rank by `keys`, lowest first.

    Args:
        keys: (n,) in candidate order, which is id order; rows that are not finite are not ranked.
        scores: (n,) what is shown beside each row.
    """
    finite = np.flatnonzero(np.isfinite(keys))
    order = finite[np.argsort(keys[finite], kind="stable")].astype(np.int64)
    return Ranking(order, scores[order].astype(np.float64))


def unscored(order: NDArray[np.int64]) -> Ranking:
    """Return a ranking by a draw: no number is behind a place, so every score is NaN."""
    return Ranking(order.astype(np.int64), np.full(len(order), np.nan))


def one_by_one(choices: Iterable[tuple[int, float]], candidates: Candidates) -> Ranking:
    """Rank rows in the order in which a greedy rule chooses them, up to the limit of the candidates.

    Args:
        choices: Rows with their scores, best first.
    """
    chosen = list(counted(islice(choices, candidates.limit), "choose", "rows", candidates.places))
    order = np.array([row for row, _ in chosen], np.int64)
    scores = np.array([score for _, score in chosen], np.float64)
    return Ranking(order, scores, complete=candidates.limit is None or len(chosen) < candidates.limit)
