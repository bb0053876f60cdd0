"""The correlation of the change of each layer with the gain, over many runs, as in Harada et al. 2025 (2506.14681).

For every relative depth, over the points of a group: the correlation of the layer's relative change with the gain,
Pearson's and Spearman's, with percentile intervals of 1,000 seeded resamples of the points, and the range of the
coefficients without one point each, with the point that carries it where there is one (`influence`). Runs of different
depth are brought to 21 common depths by linear interpolation. `middle` is the mean Pearson correlation of depths 1/3 to
2/3 minus that of the others, with its interval from the same resamples: the study found it above 0.

A model that was trained on more data changes more and gains more, whatever the data, so runs of different budgets are
not correlated with each other. Random draws from the pool are very similar and differ by chance, and the full pool is
another treatment. So there is a group of strategies and one of controls (random, random of the same lengths) for every
budget; the full pool is in no group with others. Runs of one strategy and budget that differ in their seeds are not
independent: they are one point, their mean. Every random draw is a point of its own.

A correlation over runs that differ in data, steps and learning rate at once says which changes occur together, not
which one is the cause: a longer training changes every layer more and may gain more as well. Fewer than ten points are
marked `few`; below five there is no interval and no range, and below four no correlation, since two points always lie
on a line.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dataselect.comparison.controls import WITHOUT_BUDGET, full_name, is_random, role
from dataselect.comparison.influence import Influence, influence
from dataselect.stage import is_stage, read_finished


@dataclass(frozen=True, slots=True)
class TrainedOn:
    """The strategy and budget of the data that a model was trained on; None where they are not recorded."""

    strategy: str | None = None
    budget: str | None = None


@dataclass(frozen=True, slots=True)
class RunGroup:
    """Runs that are alike enough to be correlated.

    Attributes:
        budget: In words; None where none is recorded.
        controls: Whether these are controls.
        name: The group in words.
        points: Name of each point -> its runs.
    """

    budget: str | None
    controls: bool
    name: str
    points: Mapping[str, tuple[str, ...]]


def read_trained(model: Path) -> TrainedOn:
    """Read what `dataselect train` recorded of the training of a model, or of the adapter in its folder."""
    folder = model.parent if model.name == "adapter" else model
    if not is_stage(folder):
        return TrainedOn()
    run = read_finished(folder, "train").manifest["run"]
    return TrainedOn(full_name(run, folder.parent.parent / "selections"), f"{run['budget']:,} {run['unit']}")


def groups(names: Iterable[str], trained: Mapping[str, TrainedOn]) -> list[RunGroup]:
    """Sort runs into groups: strategies before controls, the largest first."""
    found: dict[tuple[str | None, bool, str], dict[str, list[str]]] = {}
    for name in names:
        one = trained[name]
        key = one.budget, role(one.strategy or "") != "candidate", _words(one)
        alone = one.strategy is None or is_random(one.strategy)
        found.setdefault(key, {}).setdefault(name if alone else str(one.strategy), []).append(name)
    made = [RunGroup(*key, _named(points)) for key, points in found.items()]
    return sorted(made, key=lambda group: (group.controls, -len(group.points)))


def _words(one: TrainedOn) -> str:
    if one.strategy in WITHOUT_BUDGET:
        return str(one.strategy)
    kind = "controls" if role(one.strategy or "") != "candidate" else "strategies" if one.strategy else "runs"
    return f"{kind} of no recorded budget" if one.budget is None else f"{kind} at {one.budget}"


def _named(points: Mapping[str, list[str]]) -> dict[str, tuple[str, ...]]:
    """Name a point of one run by that run."""
    return {runs[0] if len(runs) == 1 else name: tuple(runs) for name, runs in points.items()}


RESAMPLES, CONFIDENCE = 1000, 0.95
FEW, WITH_INTERVAL, FEWEST = 10, 5, 4
"""Points below which a correlation is marked as of few, has no interval, and is not computed."""

GRID = tuple(np.linspace(0.0, 1.0, 21).tolist())

Curve = tuple[NDArray[np.float64], NDArray[np.float64]]
"""Positions, ascending, and the relative change at each."""


@dataclass(frozen=True, slots=True)
class LayerCoefficient:
    """A number over the points with its 95 % interval; None where it is not defined."""

    value: float | None
    low: float | None
    high: float | None
    leave_one_out: Influence


@dataclass(frozen=True, slots=True)
class DepthCorrelation:
    """The correlation at one relative depth."""

    position: float
    pearson: LayerCoefficient
    spearman: LayerCoefficient


@dataclass(frozen=True, slots=True)
class GainCorrelation:
    """The correlation of change and gain by relative depth.

    Attributes:
        outcome: Which gain.
        points: Their names.
        few: Whether these are too few to trust any of it.
        whole: Of the relative change of the whole model.
        middle: Mean of the middle third of the depths minus mean of the others.
        peak: Position of the largest Pearson correlation.
        peak_in_middle: Share of resamples in which the peak lies in the middle third.
    """

    outcome: str
    points: tuple[str, ...]
    few: bool
    depths: tuple[DepthCorrelation, ...]
    whole: LayerCoefficient
    middle: LayerCoefficient
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
    """Correlate layers' changes with gains over points.

    Args:
        names: Of the points, n of them.
        curves: Of each point.
        whole: (n,) relative change of the whole model.
        gains: (n,).
        seed: Of the resampling.
    """
    positions, changes = common_depths(curves)
    n = len(gains)
    resamples = (
        np.random.default_rng(seed).integers(0, n, (RESAMPLES, n)) if n >= WITH_INTERVAL else np.zeros((0, n), np.int64)
    )
    pearson, draws, without = _correlations(changes, gains, resamples)
    spearman, rank_draws, rank_without = _correlations(changes, gains, resamples, ranks=True)
    depths = tuple(
        DepthCorrelation(
            float(place),
            _estimate(pearson[i], draws[:, i], without[:, i], names),
            _estimate(spearman[i], rank_draws[:, i], rank_without[:, i], names),
        )
        for i, place in enumerate(positions)
    )
    total, total_draws, total_without = _correlations(whole[:, None], gains, resamples)
    inside = (positions >= 1 / 3 - 1e-9) & (positions <= 2 / 3 + 1e-9)
    peaks = [inside[np.nanargmax(row)] for row in draws if not np.isnan(row).all()]
    contrasts = [_contrast(rows, inside) for rows in (pearson[None], draws, without)]
    return GainCorrelation(
        outcome, tuple(names), n < FEW, depths,
        whole=_estimate(total[0], total_draws[:, 0], total_without[:, 0], names),
        middle=_estimate(contrasts[0][0], contrasts[1], contrasts[2], names),
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


def mean_curve(curves: Sequence[Curve]) -> Curve:
    """The mean of runs of one strategy, at their common depths."""
    positions, changes = common_depths(curves)
    return positions, changes.mean(axis=0)


def _correlations(
    changes: NDArray[np.float64], gains: NDArray[np.float64], resamples: NDArray[np.int64], ranks: bool = False
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """(p,) over all points, (RESAMPLES, p) over resamples, (n, p) without each; NaN where one side does not vary."""
    n = len(gains)
    without = np.array([[i for i in range(n) if i != one] for one in range(n)], dtype=np.int64)
    found = []
    for drawn in (np.arange(n)[None], resamples, without):
        x, y = changes[drawn], gains[drawn]
        if ranks:
            from scipy.stats import rankdata

            x, y = rankdata(x, axis=1), rankdata(y, axis=1)
        found.append(_pearson(x, y))
    return found[0][0], found[1], found[2]


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
    """The largest spread that is only rounding."""
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


def _estimate(
    value: float, draws: NDArray[np.float64], without: NDArray[np.float64], names: Sequence[str]
) -> LayerCoefficient:
    known = draws[~np.isnan(draws)]
    shown = None if np.isnan(value) else float(value)
    left_out = influence(value, without, names)
    if shown is None or len(known) < RESAMPLES / 2:
        return LayerCoefficient(shown, None, None, left_out)
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(known, [tail, 1 - tail])
    return LayerCoefficient(shown, float(low), float(high), left_out)
