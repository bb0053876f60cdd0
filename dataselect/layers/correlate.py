"""Whether the change of some layers goes with the gain, over many runs, as Harada et al. 2025 (2506.14681) ask.

For every relative depth, over runs: the correlation of the layer's relative change with the run's gain, Pearson's and
Spearman's, with percentile intervals of 1,000 seeded resamples of the runs. Runs of different depth are brought to 21
common depths by linear interpolation. `middle` is the mean Pearson correlation of depths 1/3 to 2/3 minus that of the
others, with its interval from the same resamples: what the study found is that it lies above 0.

A correlation over runs that differ in data, steps and learning rate at once says which changes go together, not which
one does the work: a longer training changes every layer more and may gain more as well. Fewer than ten runs hardly tell
anything, which `few` says; below five there is no interval, and below four no correlation: two points always lie on a
line.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RESAMPLES, CONFIDENCE = 1000, 0.95
FEW, WITH_INTERVAL, FEWEST = 10, 5, 4
GRID = tuple(np.linspace(0.0, 1.0, 21).tolist())

Curve = tuple[NDArray[np.float64], NDArray[np.float64]]
"""Positions, ascending, and the relative change at each."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number over the runs with its 95 % interval; None where it is not defined."""

    value: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class DepthCorrelation:
    """The correlation at one relative depth."""

    position: float
    pearson: Estimate
    spearman: Estimate


@dataclass(frozen=True, slots=True)
class GainCorrelation:
    """The correlation of change and gain by relative depth.

    Attributes:
        outcome: Which gain.
        runs: Names, those with a gain.
        few: Whether these are too few to trust any of it.
        whole: Of the relative change of the whole model.
        middle: Mean of the middle third of the depths minus mean of the others.
        peak: Position of the largest Pearson correlation.
        peak_in_middle: Share of resamples in which the peak lies in the middle third.
    """

    outcome: str
    runs: tuple[str, ...]
    few: bool
    depths: tuple[DepthCorrelation, ...]
    whole: Estimate
    middle: Estimate
    peak: float | None
    peak_in_middle: float | None


def correlate(
    outcome: str,
    names: Sequence[str],
    curves: Sequence[Curve],
    whole: NDArray[np.float64],
    gains: NDArray[np.float64],
    seed: int,
) -> GainCorrelation:
    """Correlate layers' changes with gains over runs.

    Args:
        names: Of the runs, n of them.
        curves: Of each run.
        whole: (n,) relative change of the whole model.
        gains: (n,).
        seed: Of the resampling.
    """
    positions, changes = common_depths(curves)
    n = len(gains)
    resamples = (
        np.random.default_rng(seed).integers(0, n, (RESAMPLES, n)) if n >= WITH_INTERVAL else np.zeros((0, n), np.int64)
    )
    pearson, draws = _correlations(changes, gains, resamples)
    spearman, rank_draws = _correlations(changes, gains, resamples, ranks=True)
    depths = tuple(
        DepthCorrelation(float(place), _estimate(pearson[i], draws[:, i]), _estimate(spearman[i], rank_draws[:, i]))
        for i, place in enumerate(positions)
    )
    total, total_draws = _correlations(whole[:, None], gains, resamples)
    inside = (positions >= 1 / 3 - 1e-9) & (positions <= 2 / 3 + 1e-9)
    peaks = [inside[np.nanargmax(row)] for row in draws if not np.isnan(row).all()]
    return GainCorrelation(
        outcome, tuple(names), n < FEW, depths,
        whole=_estimate(total[0], total_draws[:, 0]),
        middle=_estimate(_contrast(pearson[None], inside)[0], _contrast(draws, inside)),
        peak=None if np.isnan(pearson).all() else float(positions[np.nanargmax(pearson)]),
        peak_in_middle=float(np.mean(peaks)) if peaks and inside.any() else None,
    )  # fmt: skip


def common_depths(curves: Sequence[Curve]) -> Curve:
    """Bring runs to common depths.

    Returns:
        (p,) positions, and (runs, p) changes there: the runs' own where these agree, else interpolated.
    """
    first = curves[0][0]
    if all(len(positions) == len(first) and np.allclose(positions, first) for positions, _ in curves):
        return first, np.stack([changes for _, changes in curves])
    grid = np.array(GRID)
    return grid, np.stack([np.interp(grid, positions, changes) for positions, changes in curves])


def _correlations(
    changes: NDArray[np.float64], gains: NDArray[np.float64], resamples: NDArray[np.int64], ranks: bool = False
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(p,) over all runs, and (RESAMPLES, p) over resamples; NaN where one side does not vary."""
    drawn_x, drawn_y = changes[resamples], gains[resamples]
    if ranks:
        from scipy.stats import rankdata

        changes, gains = rankdata(changes, axis=0), rankdata(gains)
        drawn_x, drawn_y = rankdata(drawn_x, axis=1), rankdata(drawn_y, axis=1)
    return _pearson(changes[None], gains[None])[0], _pearson(drawn_x, drawn_y)


def _pearson(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    """(d, p) correlations of (d, n, p) with (d, n)."""
    if x.shape[1] < FEWEST:
        return np.full((len(x), x.shape[2]), np.nan)
    x = x - x.mean(axis=1, keepdims=True)
    y = y - y.mean(axis=1, keepdims=True)
    size_x, size_y = np.sqrt((x**2).sum(axis=1)), np.sqrt((y**2).sum(axis=1))[:, None]
    size = np.where((size_x > _noise(x)) & (size_y > 0), size_x * size_y, np.nan)
    found: NDArray[np.float64] = np.clip((x * y[:, :, None]).sum(axis=1) / size, -1.0, 1.0)
    return found


def _noise(x: NDArray[np.float64]) -> float:
    """What is rounding and no spread."""
    return float(1e-12 * np.abs(x).max(initial=0.0))


def _contrast(draws: NDArray[np.float64], inside: NDArray[np.bool_]) -> NDArray[np.float64]:
    """(d,) mean of the middle depths minus that of the others, of (d, p), each over its known ones; else NaN."""
    known = ~np.isnan(draws)
    sides = []
    for side in (inside, ~inside):
        number = (known & side).sum(axis=1)
        sides.append(np.where(known & side, draws, 0.0).sum(axis=1) / np.where(number > 0, number, np.nan))
    contrast: NDArray[np.float64] = sides[0] - sides[1]
    return contrast


def _estimate(value: float, draws: NDArray[np.float64]) -> Estimate:
    known = draws[~np.isnan(draws)]
    shown = None if np.isnan(value) else float(value)
    if shown is None or len(known) < RESAMPLES / 2:
        return Estimate(shown, None, None)
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(known, [tail, 1 - tail])
    return Estimate(shown, float(low), float(high))
