"""Pearson's, Spearman's and Kendall's coefficients of weighted points, for many sets of weights at once.

The weights are counts: how often a resample holds each point. With W the counts' sum,

    Pearson    weighted covariance over the root of the weighted variances
    Spearman   Pearson of mean ranks, where rank_i = sum_j w_j [x_j < x_i] + (sum_j w_j [x_j = x_i] + 1) / 2
    Kendall    tau-b: sum_ij w_i w_j sign(x_i - x_j) sign(y_i - y_j) over the root of the weighted untied pairs of each

so each equals the plain coefficient of the points written out as often as they are held. Kendall compares every point
with every other, in each draw: meant for hundreds of points. Intervals are made elsewhere, by resampling models and
data sets; those of `dataselect.analysis.correlation` are for pairs that are independent, which runs are not.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dataselect.prediction.table import Floats

NAMES = ("Pearson", "Spearman", "Kendall")
_CELLS = 2**22
"""Comparisons held at once."""


@dataclass(frozen=True, slots=True)
class Coefficients:
    """(n_draws,) each; NaN where a coefficient is not defined because one side is constant."""

    pearson: Floats
    spearman: Floats
    kendall: Floats

    @property
    def named(self) -> dict[str, Floats]:
        """By name."""
        return dict(zip(NAMES, (self.pearson, self.spearman, self.kendall), strict=True))


def coefficients(x: Floats, y: Floats, weights: Floats) -> Coefficients:
    """All three coefficients.

    Args:
        x, y: (n,), or (n_draws, n) where they differ from draw to draw.
        weights: (n_draws, n) counts.
    """
    spearman = correlation(ranks(x, weights), ranks(y, weights), weights)
    return Coefficients(correlation(x, y, weights), spearman, kendall(x, y, weights))


def correlation(x: Floats, y: Floats, weights: Floats) -> Floats:
    """Pearson's coefficient of (n,) or (n_draws, n) values, as (n_draws,)."""
    x, y = (np.broadcast_to(one, weights.shape) for one in (x, y))
    total = weights.sum(axis=1, keepdims=True)
    dx, dy = (one - (weights * one).sum(axis=1, keepdims=True) / np.maximum(total, 1) for one in (x, y))
    squares = [(weights * one**2).sum(axis=1) for one in (dx, dy)]
    sizes = [np.max(np.where(weights > 0, np.abs(one), 0.0), axis=1, initial=0.0) for one in (x, y)]
    floor = [1e-24 * size**2 * total[:, 0] for size in sizes]  # below it, the spread is rounding
    scale = np.sqrt(np.where(squares[0] > floor[0], squares[0], 0) * np.where(squares[1] > floor[1], squares[1], 0))
    return _ratio((weights * dx * dy).sum(axis=1), scale)


def ranks(x: Floats, weights: Floats) -> Floats:
    """(n_draws, n) mean ranks of the points written out as often as they are held."""
    x = np.broadcast_to(x, weights.shape)
    order = np.argsort(x, axis=1, kind="stable")
    values, held = (np.take_along_axis(one, order, axis=1) for one in (x, weights))
    reached = np.cumsum(held, axis=1)
    places = np.arange(x.shape[1])
    is_first = np.diff(values, axis=1, prepend=np.nan) != 0
    is_last = np.diff(values, axis=1, append=np.nan) != 0
    first = np.maximum.accumulate(np.where(is_first, places, 0), axis=1)
    last = np.minimum.accumulate(np.where(is_last, places, x.shape[1])[:, ::-1], axis=1)[:, ::-1]
    below = np.take_along_axis(reached - held, first, axis=1)
    found = np.empty(weights.shape)
    np.put_along_axis(found, order, (below + np.take_along_axis(reached, last, axis=1) + 1) / 2, axis=1)
    return found


def kendall(x: Floats, y: Floats, weights: Floats) -> Floats:
    """Kendall's tau-b of (n,) or (n_draws, n) values, as (n_draws,)."""
    x, y = (np.broadcast_to(one, weights.shape) for one in (x, y))
    at_once = max(1, _CELLS // max(1, weights.shape[1] ** 2))
    parts = [slice(begin, begin + at_once) for begin in range(0, len(weights), at_once)]
    return np.concatenate([_tau(x[some], y[some], weights[some]) for some in parts])


def _tau(x: Floats, y: Floats, weights: Floats) -> Floats:
    held = weights.astype(np.float32)[:, :, None]  # exact: sums of counts stay far below 2^24

    def pairs(signs: np.ndarray) -> Floats:
        return np.asarray(((signs.astype(np.float32) @ held)[:, :, 0].astype(np.float64) * weights).sum(axis=1))

    sign_x, sign_y = (_signs(one) for one in (x, y))
    return _ratio(pairs(sign_x * sign_y), np.sqrt(pairs(np.abs(sign_x)) * pairs(np.abs(sign_y))))


def _signs(values: Floats) -> np.ndarray:
    """(n_draws, n, n) int8: whether i is above, below or equal to j."""
    i, j = values[:, :, None], values[:, None, :]
    return np.asarray((i > j).view(np.int8) - (i < j).view(np.int8))


def _ratio(top: Floats, bottom: Floats) -> Floats:
    ratio = np.divide(top, bottom, out=np.full(top.shape, np.nan), where=bottom > 0)
    return np.asarray(np.clip(ratio, -1.0, 1.0))
