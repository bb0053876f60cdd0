"""One training method's runs as a grid of models and data sets, with baselines, gains and scores centred per model.

    score     in the task's own direction turned so that more is better (a loss is negated)
    gain      score minus the score of the same model before training; it needs that baseline
    centred   score minus the mean score of the same model over its data sets in the grid. A baseline is the same
              number for all runs of a model, so centring removes it: centred scores need no baseline, and a wrong
              baseline cannot touch them. Correlations within one model do not need it either.

Several runs in one cell (seeds) are averaged, and the checks say where. The task `OVERALL` is the mean over the tasks
that count, each centred and divided by its standard deviation over the grid, for cells that have all of these tasks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dataselect.prediction.config import AnalyzeConfig, Condition
from dataselect.prediction.table import Floats, RunTable, Task

OVERALL = "all tasks (standardised)"
ALL_RUNS = "all runs"
_ROUNDING = 1e-12
"""Below this share of the largest value a centred score is the rounding of a mean."""


@dataclass(frozen=True, slots=True)
class Grid:
    """Runs of one method.

    Attributes:
        method: Its name.
        models, datasets: Names of rows and columns, sorted.
        tasks: Those of the table, then `OVERALL` where several tasks count.
        scores: (n_tasks, n_models, n_datasets), more is better, NaN where there is none.
        baseline: (n_tasks, n_models), turned the same way.
        runs: (n_models, n_datasets) runs in each cell.
        properties: Name -> (n_models, n_datasets).
    """

    method: str
    models: tuple[str, ...]
    datasets: tuple[str, ...]
    tasks: tuple[Task, ...]
    scores: Floats
    baseline: Floats
    runs: NDArray[np.int64]
    properties: Mapping[str, Floats]

    @property
    def gains(self) -> Floats:
        """(n_tasks, n_models, n_datasets)."""
        return self.scores - self.baseline[:, :, None]

    @property
    def centred(self) -> Floats:
        """(n_tasks, n_models, n_datasets)."""
        return centred(self.scores)


def centred(values: Floats) -> Floats:
    """Subtract from (..., n_datasets) its mean over the last axis, over what is known."""
    known = np.isfinite(values)
    counts = known.sum(axis=-1, keepdims=True)
    sums = np.where(known, values, 0.0).sum(axis=-1, keepdims=True)
    moved = values - divided(sums, counts)
    size = np.max(np.abs(values[known]), initial=0.0)
    return np.where(np.abs(moved) <= _ROUNDING * size, 0.0, moved)


def divided(sums: Floats, counts: NDArray[Any]) -> Floats:
    """Means from sums and counts; NaN where nothing was counted."""
    means: Floats = np.divide(sums, counts, out=np.full(sums.shape, np.nan), where=counts > 0)
    return means


def spread(values: Floats) -> float:
    """Root mean square of centred values, over what is known; NaN where nothing is."""
    known = values[np.isfinite(values)]
    return float(np.sqrt(np.mean(known**2))) if len(known) else float("nan")


def make_grids(table: RunTable, config: AnalyzeConfig) -> list[Grid]:
    """One grid per method; methods without a run are left out."""
    trained = ~baseline_rows(table, config)
    return [
        make_grid(table, config, name, condition)
        for name, condition in conditions(config).items()
        if (table.matching(condition) & trained).any()
    ]


def conditions(config: AnalyzeConfig) -> dict[str, Condition]:
    """Method -> what all of its runs have."""
    methods = config.methods or {ALL_RUNS: {}}
    return {name: config.where | condition for name, condition in methods.items()}


def make_grid(table: RunTable, config: AnalyzeConfig, method: str, condition: Mapping[str, object]) -> Grid:
    """The grid of the runs that match, baselines apart."""
    is_base = baseline_rows(table, config)
    rows = np.flatnonzero(table.matching(condition) & ~is_base)
    models = tuple(sorted({table.models[i] for i in rows}))
    datasets = tuple(sorted({table.datasets[i] for i in rows}))
    cells = [(models.index(table.models[i]), datasets.index(table.datasets[i])) for i in rows]
    shape = len(models), len(datasets)
    runs = np.zeros(shape, dtype=np.int64)
    for cell in cells:
        runs[cell] += 1
    signs = np.array([task.sign for task in table.tasks])
    oriented = table.scores * signs[:, None]
    scores = np.array([_cell_means(one[rows], cells, shape) for one in oriented])
    baseline = np.array([[_mean(one[is_base & (np.array(table.models) == m)]) for m in models] for one in oriented])
    properties = {name: _cell_means(values[rows], cells, shape) for name, values in table.properties.items()}
    tasks, scores, baseline = _with_overall(table.tasks, scores, baseline)
    return Grid(method, models, datasets, tasks, scores, baseline, runs, properties)


def baseline_rows(table: RunTable, config: AnalyzeConfig) -> NDArray[np.bool_]:
    """(n,) mask of the models before training."""
    return table.matching(config.baseline) if config.baseline else np.zeros(len(table), dtype=bool)


def _cell_means(values: Floats, cells: list[tuple[int, int]], shape: tuple[int, int]) -> Floats:
    sums, counts = np.zeros(shape), np.zeros(shape)
    for cell, value in zip(cells, values, strict=True):
        if np.isfinite(value):
            sums[cell] += value
            counts[cell] += 1
    return divided(sums, counts)


def _mean(values: Floats) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else float("nan")


def _with_overall(tasks: tuple[Task, ...], scores: Floats, baseline: Floats) -> tuple[tuple[Task, ...], Floats, Floats]:
    counted = [row for row, task in enumerate(tasks) if task.overall]
    if len(counted) < 2 or not scores.size:
        return tasks, scores, baseline
    overall = mean_standardised(centred(scores[counted]))
    added = np.full((1, scores.shape[1]), np.nan)
    return (*tasks, Task(OVERALL)), np.concatenate([scores, overall[None]]), np.concatenate([baseline, added])


def mean_standardised(values: Floats) -> Floats:
    """Mean over the first axis of centred (n_tasks, ...), each task in units of its spread.

    Tasks that are the same everywhere, or empty, say nothing and are left out; a cell without one of the others is NaN.
    """
    spreads = [spread(one) for one in values]
    telling = [one / size for one, size in zip(values, spreads, strict=True) if size > 0]
    return np.mean(telling, axis=0) if telling else np.full(values.shape[1:], np.nan)
