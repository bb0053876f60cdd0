"""How far models agree on which data helps: what is general, and what holds for one model only.

For every two models, Pearson and Spearman of their scores over the data sets that both were trained on. A baseline is
one number per model, so these are the correlations of gains too, whatever the baselines are worth.

    mean correlation   over all pairs of models, with an interval over the data sets (drawn anew, the same draw for all
                       pairs; the models stay as they are)
    general share      of what is left of the scores after each model's own mean, the share that the data set tells
                       alone, the same for all models; the rest is specific to the model, or noise of single runs, which
                       one run per cell cannot tell apart. With scores that are nothing but noise it would be 1 in m for
                       m models (`by_chance`). p is that of the F test of data sets in a two-way layout without
                       replication. Only models with all data sets count here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from dataselect.analysis.families import holm
from dataselect.prediction.coefficients import coefficients
from dataselect.prediction.config import AnalyzeConfig
from dataselect.prediction.grid import Grid, centred, divided
from dataselect.prediction.resampling import MIN_UNITS, Interval, central, drawn_counts, generator
from dataselect.prediction.table import Floats


@dataclass(frozen=True, slots=True)
class ModelPair:
    """Two models over the `n` data sets that both have; None where one of them is constant or they are too few."""

    first: str
    second: str
    n: int
    pearson: float | None
    spearman: float | None


@dataclass(frozen=True, slots=True)
class MeanCorrelation:
    """Over the pairs that have one."""

    pairs: int
    estimate: float | None
    ci_low: float | None
    ci_high: float | None


@dataclass(frozen=True, slots=True)
class Agreement:
    """All models on one task with one method.

    Attributes:
        n_models, n_datasets: Of the general share: models that have every data set, and how many those are.
        p_holm: Of p, over all tasks and methods.
    """

    task: str
    method: str
    pairs: tuple[ModelPair, ...]
    pearson: MeanCorrelation
    spearman: MeanCorrelation
    n_models: int
    n_datasets: int
    general_share: float | None
    by_chance: float | None
    p: float | None
    p_holm: float | None = None


def agreements(grids: list[Grid], config: AnalyzeConfig) -> tuple[Agreement, ...]:
    """One per task and method that has two models, five data sets, and scores that differ at all."""
    found = [one for grid in grids for one in _of(grid, config)]
    return tuple(replace(one, p_holm=p) for one, p in zip(found, holm([one.p for one in found]), strict=True))


def _of(grid: Grid, config: AnalyzeConfig) -> Iterator[Agreement]:
    if len(grid.models) < 2 or len(grid.datasets) < MIN_UNITS:
        return
    for row, task in enumerate(grid.tasks):
        scores = grid.scores[row]
        if not np.nan_to_num(centred(scores)).any():
            continue
        rng = generator(config.seed, "agreement", grid.method, task.name)
        held = np.concatenate([np.ones((1, scores.shape[1])), drawn_counts(scores.shape[1], config.resamples, rng)])
        pairs, pearson, spearman = _pairs(grid.models, scores, held)
        whole = np.isfinite(scores).all(axis=1)
        shares = _general(scores[whole])
        yield Agreement(
            task.name, grid.method, pairs, _mean(pearson), _mean(spearman), int(whole.sum()), scores.shape[1], *shares
        )


def _pairs(
    models: tuple[str, ...], scores: Floats, held: Floats
) -> tuple[tuple[ModelPair, ...], list[Floats], list[Floats]]:
    pairs, pearson, spearman = [], [], []
    for a, b in combinations(range(len(models)), 2):
        both = np.isfinite(scores[a]) & np.isfinite(scores[b])
        n = int(both.sum())
        if n < MIN_UNITS:
            pairs.append(ModelPair(models[a], models[b], n, None, None))
            continue
        found = coefficients(scores[a][both], scores[b][both], held[:, both])
        pearson.append(found.pearson)
        spearman.append(found.spearman)
        pairs.append(ModelPair(models[a], models[b], n, *(_number(one[0]) for one in (found.pearson, found.spearman))))
    return tuple(pairs), pearson, spearman


def _mean(pairs: list[Floats]) -> MeanCorrelation:
    """Over the pairs that are defined for the data sets as they are; in a draw, over those that are defined there."""
    defined = [one for one in pairs if np.isfinite(one[0])]
    if not defined:
        return MeanCorrelation(0, None, None, None)
    stacked = np.array(defined)
    known = np.isfinite(stacked)
    means = divided(np.where(known, stacked, 0.0).sum(axis=0), known.sum(axis=0))
    interval = central(means[1:]) or _NO_INTERVAL
    return MeanCorrelation(len(defined), float(means[0]), _number(interval.low), _number(interval.high))


_NO_INTERVAL = Interval(float("nan"), float("nan"))


def _general(scores: Floats) -> tuple[float | None, float | None, float | None]:
    """General share, what chance would give, and p, of (n_models, n_datasets) without holes."""
    from scipy.stats import f

    m, d = scores.shape
    if m < 2:
        return None, None, None
    values = centred(scores)
    between = m * float((values.mean(axis=0) ** 2).sum())
    total = float((values**2).sum())
    if total == 0:
        return None, None, None
    rest = max(total - between, 0.0)
    freedom = d - 1, (d - 1) * (m - 1)
    ratio = (between / freedom[0]) / (rest / freedom[1]) if rest > 0 else float("inf")
    return between / total, 1 / m, float(f.sf(ratio, *freedom))


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
