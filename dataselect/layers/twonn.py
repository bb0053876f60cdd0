"""Intrinsic dimension by two nearest neighbours: TwoNN (Facco et al. 2017, Scientific Reports 7:12140).

For every point, mu = r_2 / r_1, the ratio of the distances to its second and first neighbour. Where points lie evenly
on a manifold of dimension d, P(mu <= m) = 1 - m^(-d) whatever the density. With the mu sorted, F_i = i / n, the largest
tenth left out (these are where the density varies within a neighbourhood), d is the slope of a line through the origin:

    d = sum ln(mu_i) y_i / sum ln(mu_i)^2,      y_i = -ln(1 - F_i),  i = 1 ... floor(0.9 n)

Points that coincide are counted once: a distance of zero has no ratio. The interval is that of resampling the ratios.
With few points a high dimension is underestimated, for base and tuned model alike.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

DISCARDED = 0.1
FEWEST = 20
_RESAMPLES = 200
_CELLS = 2**22


@dataclass(frozen=True, slots=True)
class Dimension:
    """An intrinsic dimension.

    Attributes:
        value: None for too few distinct points, or ratios that do not vary.
        low, high: 95 % interval; None without a value.
        points: Distinct points.
        duplicates: Points left out because they coincide with another.
    """

    value: float | None
    low: float | None
    high: float | None
    points: int
    duplicates: int


def twonn(points: NDArray[np.float64], seed: int = 0, discarded: float = DISCARDED) -> Dimension:
    """Estimate the intrinsic dimension of (n, d) points.

    Args:
        seed: Of the interval.
        discarded: Share of the largest ratios that is left out, above 0 (the largest has F = 1 and no finite y).
    """
    distinct = np.unique(points, axis=0)
    duplicates = len(points) - len(distinct)
    if len(distinct) < FEWEST:
        return Dimension(None, None, None, len(distinct), duplicates)
    logs = np.log(neighbour_ratios(distinct))
    value = slope(logs, discarded)
    if value is None:
        return Dimension(None, None, None, len(distinct), duplicates)
    rng = np.random.default_rng(seed)
    draws = [slope(logs[rng.integers(0, len(logs), len(logs))], discarded) for _ in range(_RESAMPLES)]
    low, high = np.quantile([draw for draw in draws if draw is not None], [0.025, 0.975])
    return Dimension(value, float(low), float(high), len(distinct), duplicates)


def slope(logs: NDArray[np.float64], discarded: float) -> float | None:
    """The dimension behind (n,) values of ln mu; None if all that are kept are 0."""
    n = len(logs)
    kept = int(n * (1 - discarded))
    x = np.sort(logs)[:kept]
    y = -np.log1p(-np.arange(1, kept + 1) / n)
    squares = float((x**2).sum())
    return float((x * y).sum()) / squares if squares > 0 else None


def neighbour_ratios(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n,) r_2 / r_1 of distinct (n, d) points, at least three.

    Neighbours are found from inner products of the centred points, and the distances to the four nearest are then taken
    from the differences themselves, since inner products lose the small ones.
    """
    points = points - points.mean(axis=0)
    norms = (points**2).sum(axis=1)
    n, nearest = len(points), min(4, len(points) - 1)
    ratios = np.empty(n)
    step = max(1, _CELLS // n)
    for begin in range(0, n, step):
        end = min(begin + step, n)
        squares = norms[begin:end, None] + norms - 2 * points[begin:end] @ points.T
        squares[np.arange(end - begin), np.arange(begin, end)] = np.inf
        near = np.argpartition(squares, nearest - 1, axis=1)[:, :nearest]
        distances = np.sort(np.linalg.norm(points[begin:end, None] - points[near], axis=2), axis=1)
        ratios[begin:end] = distances[:, 1] / distances[:, 0]
    return ratios
