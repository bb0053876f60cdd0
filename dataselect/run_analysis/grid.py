"""The runs of one training method as a grid of models and data sets: scores, gains and centred scores.

    score     turned so that more is better (a loss is negated)
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

from dataselect.run_analysis.config import AnalyzeConfig, Condition
from dataselect.run_analysis.group_labels import GroupColumn, group_column
from dataselect.run_analysis.run_table import OVERALL, Floats, RunTable, TaskColumn, known_mean

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
        groups: One for each column of groups; the data sets where none is named.
    """

    method: str
    models: tuple[str, ...]
    datasets: tuple[str, ...]
    tasks: tuple[TaskColumn, ...]
    scores: Floats
    baseline: Floats
    runs: NDArray[np.int64]
    properties: Mapping[str, Floats]
    groups: tuple[GroupColumn, ...] = ()

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
    moved = values - known_means(values, axis=-1, keepdims=True)
    size = np.max(np.abs(values[np.isfinite(values)]), initial=0.0)
    return np.where(np.abs(moved) <= _ROUNDING * size, 0.0, moved)


def known_means(values: Floats, axis: int, keepdims: bool = False) -> Floats:
    """Return the means over an axis of what is known; NaN where nothing is."""
    known = np.isfinite(values)
    sums = np.where(known, values, 0.0).sum(axis=axis, keepdims=keepdims)
    return divided(sums, known.sum(axis=axis, keepdims=keepdims))


def divided(sums: Floats, counts: NDArray[Any]) -> Floats:
    """Return means from sums and counts; NaN where nothing was counted."""
    means: Floats = np.divide(sums, counts, out=np.full(sums.shape, np.nan), where=counts > 0)
    return means


def spread(values: Floats) -> float | None:
    """Return the root mean square of centred values, over what is known; None where it is 0 or nothing is known."""
    known = values[np.isfinite(values)]
    size = float(np.sqrt(np.mean(known**2))) if len(known) else 0.0
    return size if size > 0 else None


def make_grids(table: RunTable, config: AnalyzeConfig) -> list[Grid]:
    """Make one grid per method; methods without a run are left out."""
    trained = ~baseline_rows(table, config)
    return [
        make_grid(table, config, name, condition)
        for name, condition in conditions(config).items()
        if (table.matching(condition) & trained).any()
    ]


def conditions(config: AnalyzeConfig) -> dict[str, Condition]:
    """Return the condition that all runs of each method meet."""
    methods = config.methods or {ALL_RUNS: {}}
    return {name: config.where | condition for name, condition in methods.items()}


def make_grid(table: RunTable, config: AnalyzeConfig, method: str, condition: Mapping[str, object]) -> Grid:
    """Make the grid of the runs that match, without the baselines."""
    is_base = baseline_rows(table, config)
    rows = np.flatnonzero(table.matching(condition) & ~is_base)
    models = tuple(sorted({table.models[i] for i in rows}))
    datasets = tuple(sorted({table.datasets[i] for i in rows}))
    cells = [(models.index(table.models[i]), datasets.index(table.datasets[i])) for i in rows]
    shape = len(models), len(datasets)
    runs = np.zeros(shape, dtype=np.int64)
    for cell in cells:
        runs[cell] += 1
    scores = np.array([_cell_means(one[rows], cells, shape) for one in table.oriented])
    bases = [is_base & (np.array(table.models) == model) for model in models]
    baseline = np.array([[known_mean(one[base]) for base in bases] for one in table.oriented])
    properties = {name: _cell_means(values[rows], cells, shape) for name, values in table.properties.items()}
    groups = tuple(
        group_column(name, [table.group_cells(name)[i] for i in rows], cells, models, datasets)
        for name in config.group or (table.data,)
    )
    tasks, scores, baseline = _with_overall(table.tasks, scores, baseline)
    return Grid(
        method=method, models=models, datasets=datasets, tasks=tasks, scores=scores, baseline=baseline, runs=runs,
        properties=properties, groups=groups,
    )  # fmt: skip


def baseline_rows(table: RunTable, config: AnalyzeConfig) -> NDArray[np.bool_]:
    """Return the (n,) mask of the models before training."""
    return table.matching(config.baseline) if config.baseline else np.zeros(len(table), dtype=bool)


def _cell_means(values: Floats, cells: list[tuple[int, int]], shape: tuple[int, int]) -> Floats:
    sums, counts = np.zeros(shape), np.zeros(shape)
    for cell, value in zip(cells, values, strict=True):
        if np.isfinite(value):
            sums[cell] += value
            counts[cell] += 1
    return divided(sums, counts)


def _with_overall(
    tasks: tuple[TaskColumn, ...], scores: Floats, baseline: Floats
) -> tuple[tuple[TaskColumn, ...], Floats, Floats]:
    counted = [row for row, task in enumerate(tasks) if task.overall]
    if len(counted) < 2 or not scores.size:
        return tasks, scores, baseline
    overall = mean_standardised(centred(scores[counted]))
    added = np.full((1, scores.shape[1]), np.nan)
    return (*tasks, TaskColumn(OVERALL)), np.concatenate([scores, overall[None]]), np.concatenate([baseline, added])


def mean_standardised(values: Floats) -> Floats:
    """Average centred (n_tasks, ...) over the tasks, each in units of its spread.

    Tasks that are the same everywhere, or empty, are left out; a cell without one of the others is NaN.
    """
    scaled = [one / size for one in values if (size := spread(one)) is not None]
    return np.mean(scaled, axis=0) if scaled else np.full(values.shape[1:], np.nan)
