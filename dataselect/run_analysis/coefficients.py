"""Coefficients of a property and a score: Pearson, Spearman, Kendall and partial, each with a bootstrap interval.

Every coefficient is computed for many sets of weights at once, which are counts: how often a resample holds each point.
With W the counts' sum,

    Pearson    weighted covariance over the root of the weighted variances
    Spearman   Pearson of mean ranks, where rank_i = sum_j w_j [x_j < x_i] + (sum_j w_j [x_j = x_i] + 1) / 2
    Kendall    tau-b: sum_ij w_i w_j sign(x_i - x_j) sign(y_i - y_j) over the root of the weighted untied pairs of each
    partial    r_xy.z = (r_xy - r_xz r_yz) / sqrt((1 - r_xz^2) (1 - r_yz^2)), of Pearson and of Spearman

so each equals the plain coefficient of the points written out as often as they are held. Kendall compares every point
with every other, in each draw: meant for hundreds of points. The partial coefficient removes a relation that runs
through z as a line (for Spearman, a monotone curve), not one of another shape. Intervals are over models and data sets;
those of Fisher's z are for pairs that are independent, which runs are not.

Beside each coefficient is its range without one data set, or without one model, each in turn, and the one that carries
it where there is one (`dataselect.comparison.influence`). Where both sides are centred, every resample is centred again
over the runs that it holds, and so is what is left without a data set or a model.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from dataselect.comparison.bootstrap import percentile_interval
from dataselect.comparison.influence import Influence, influence
from dataselect.run_analysis.run_table import Floats
from dataselect.run_analysis.uncertainty import crossed_counts

Names = tuple[Sequence[str], Sequence[str]]
Control = tuple[str, Floats]


@dataclass(frozen=True, slots=True)
class PropertyCoefficient:
    """One coefficient with its 95 % interval; None where the data support none.

    Attributes:
        leave_one_out: Without one data set, or one model, in turn.
    """

    coefficient: str
    given: str | None
    estimate: float | None
    ci_low: float | None
    ci_high: float | None
    leave_one_out: Influence = field(default_factory=Influence)


def coefficient_estimates(
    x: Floats, y: Floats, names: Names, centre: bool, control: Control | None, draws: int, rng: np.random.Generator
) -> Iterator[PropertyCoefficient]:
    """Estimate all coefficients of (n_models, n_datasets) grids; NaN is a missing cell.

    Args:
        names: Of the models and of the data sets.
        control: What the partial coefficients are given: its name and grid; None without one.
        draws: Resamples.
    """
    points = _Points.of(x, y, centre)
    held, units = points.held(draws, rng), points.units(names)
    sides = points.sides(held)
    found = coefficients(sides[0], sides[1], held).named
    yield from (_estimate(name, None, values, units) for name, values in found.items())
    if control is None:
        return
    points = _Points.of(x, y, centre, control[1])
    held, units = points.held(draws, rng), points.units(names)
    sides = points.sides(held)
    for name, (a, b, c) in (("Pearson", sides), ("Spearman", [ranks(one, held) for one in sides])):
        remains = partial_correlation(correlation(a, b, held), correlation(a, c, held), correlation(b, c, held))
        yield _estimate(name, control[0], remains, units)


def _estimate(name: str, given: str | None, values: Floats, units: Sequence[str]) -> PropertyCoefficient:
    """Make an estimate of (1 + units + draws,) values: the number, the number without each unit, and its draws."""
    if not np.isfinite(values[0]):
        return PropertyCoefficient(name, given, None, None, None)
    interval = percentile_interval(values[1 + len(units) :])
    low, high = (None, None) if interval is None else (interval.low, interval.high)
    left_out = influence(float(values[0]), values[1 : 1 + len(units)], units)
    return PropertyCoefficient(name, given, float(values[0]), low, high, left_out)


@dataclass(frozen=True, slots=True)
class _Points:
    """The known cells of two or three grids as points."""

    x: Floats
    y: Floats
    z: Floats
    models: np.ndarray
    datasets: np.ndarray
    centre: bool

    @classmethod
    def of(cls, x: Floats, y: Floats, centre: bool, z: Floats | None = None) -> _Points:
        z = np.zeros(x.shape) if z is None else z
        known = np.isfinite(x) & np.isfinite(y) & np.isfinite(z)
        models, datasets = np.nonzero(known)
        return cls(x[known], y[known], z[known], models, datasets, centre)

    def held(self, draws: int, rng: np.random.Generator) -> Floats:
        """(1 + units + draws, n): once each, then without each unit, then the resamples."""
        without = [places != one for places, one in self._units()]
        resamples = crossed_counts(self.models, self.datasets, draws, rng)
        return np.concatenate([np.ones((1, len(self.x))), np.array(without, dtype=np.float64), resamples])

    def units(self, names: Names) -> list[str]:
        """Names of the data sets and, of several models, of the models."""
        return [names[0 if places is self.models else 1][one] for places, one in self._units()]

    def _units(self) -> Iterator[tuple[np.ndarray, int]]:
        several = len(np.unique(self.models)) > 1
        for places in (self.datasets, self.models)[: 1 + several]:
            yield from ((places, int(one)) for one in np.unique(places))

    def sides(self, held: Floats) -> list[Floats]:
        """x, y and z, centred again in every draw where `centre` asks for it."""
        return [self._centred(one, held) if self.centre else one for one in (self.x, self.y, self.z)]

    def _centred(self, values: Floats, held: Floats) -> Floats:
        belongs = np.eye(int(self.models.max(initial=-1)) + 1)[self.models]
        totals = held @ belongs
        means = np.divide((held * values) @ belongs, totals, out=np.zeros(totals.shape), where=totals > 0)
        moved = values - means[:, self.models]
        scale = max(float(np.abs(values).max(initial=0.0)), 1e-300)
        rounded: Floats = np.round(moved / scale, 12)  # so that equal numbers stay equal
        return rounded


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
    """Compute all three coefficients.

    Args:
        x, y: (n,), or (n_draws, n) where they differ from draw to draw.
        weights: (n_draws, n) counts.
    """
    spearman = correlation(ranks(x, weights), ranks(y, weights), weights)
    return Coefficients(correlation(x, y, weights), spearman, kendall(x, y, weights))


def correlation(x: Floats, y: Floats, weights: Floats) -> Floats:
    """Compute Pearson's coefficient of (n,) or (n_draws, n) values, as (n_draws,)."""
    x, y = (np.broadcast_to(one, weights.shape) for one in (x, y))
    total = weights.sum(axis=1, keepdims=True)
    dx, dy = (one - (weights * one).sum(axis=1, keepdims=True) / np.maximum(total, 1) for one in (x, y))
    squares = [(weights * one**2).sum(axis=1) for one in (dx, dy)]
    sizes = [np.max(np.where(weights > 0, np.abs(one), 0.0), axis=1, initial=0.0) for one in (x, y)]
    floor = [1e-24 * size**2 * total[:, 0] for size in sizes]  # below it, the spread is rounding
    scale = np.sqrt(np.where(squares[0] > floor[0], squares[0], 0) * np.where(squares[1] > floor[1], squares[1], 0))
    return _ratio((weights * dx * dy).sum(axis=1), scale)


def ranks(x: Floats, weights: Floats) -> Floats:
    """Return (n_draws, n) mean ranks of the points written out as often as they are held."""
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
    """Compute Kendall's tau-b of (n,) or (n_draws, n) values, as (n_draws,)."""
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


def partial_correlation(xy: Floats, xz: Floats, yz: Floats) -> Floats:
    """Compute partial correlations from (n,) correlations; NaN where z alone determines x or y."""
    left = (1 - xz**2) * (1 - yz**2)
    bottom = np.sqrt(np.where(left > 1e-12, left, np.nan))
    remains: Floats = np.clip((xy - xz * yz) / bottom, -1.0, 1.0)
    return remains
