"""Paired comparison of runs that differ in one column only: LoRA against full fine-tuning, 20k against 1k.

A pair is two runs with the same model, data set and conditions but for the compared column; several runs of a side
(seeds) are averaged. The difference is second minus first, in the task's own direction: above 0 the second is better.
No baseline is needed.

Pairs of one model are no independent witnesses, nor are pairs of one data set. So there are two intervals, Student's
over the means of the models and over the means of the data sets, and a difference is shown only where both leave out 0:
p is the larger of the two. An interval over three models is wide because three models say little about others; that
over data sets holds for these models only.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from dataselect.analysis.families import holm
from dataselect.prediction.config import AnalyzeConfig, PairConfig
from dataselect.prediction.grid import OVERALL, baseline_rows, divided, spread
from dataselect.prediction.matching import same
from dataselect.prediction.means import Mean, mean_over
from dataselect.prediction.table import Floats, RunTable


@dataclass(frozen=True, slots=True)
class PairedDifference:
    """Second minus first on one task.

    Attributes:
        comparison: Its name; `second` and `first` are the values compared.
        estimate: Mean over the pairs.
        unit: Spread of the scores of these runs around their models' means, to set tasks beside each other.
        over_models, over_datasets: The means of each model, or of each data set, averaged, with intervals.
        positive: Pairs in which the second is better.
        p: The larger of the two; `p_holm` over the single tasks of the comparison. The mean over tasks is a test
            of its own.
    """

    comparison: str
    second: str
    first: str
    task: str
    n: int
    estimate: float
    unit: float | None
    positive: int
    over_models: Mean
    over_datasets: Mean
    p: float | None
    p_holm: float | None = None


def paired_differences(table: RunTable, config: AnalyzeConfig) -> tuple[PairedDifference, ...]:
    """Every comparison on every task that has a pair."""
    found: list[PairedDifference] = []
    for name, pair in config.comparisons.items():
        made = list(_comparison(table, config, name, pair))
        single = [one for one in made if one.task != OVERALL]
        found += [replace(one, p_holm=p) for one, p in zip(single, holm([one.p for one in single]), strict=True)]
        found += [replace(one, p_holm=one.p) for one in made if one.task == OVERALL]
    return tuple(found)


def _comparison(table: RunTable, config: AnalyzeConfig, name: str, pair: PairConfig) -> Iterator[PairedDifference]:
    rows = table.rows(table.matching(pair.where) & ~baseline_rows(table, config))
    sides = [_side(rows, pair.column, wanted) for wanted in (pair.first, pair.second)]
    keys = [key for key in sides[0] if key in sides[1]]
    if not keys:
        return
    signs = np.array([task.sign for task in table.tasks])[:, None]
    values = np.array([[side[key] for key in keys] for side in sides]).transpose(0, 2, 1) * signs
    models, datasets = (np.array([key[place] for key in keys]) for place in (0, 1))
    scaled, counted = [], []
    for row, task in enumerate(table.tasks):
        difference = values[1, row] - values[0, row]
        if not np.isfinite(difference).any():
            continue
        unit = _unit(values[:, row], models)
        if task.overall and unit:
            counted.append(difference / unit)
        scaled.append((task.name, difference, unit))
    if len(counted) > 1:
        scaled.append((OVERALL, np.mean(counted, axis=0), 1.0))
    for task_name, difference, unit in scaled:
        if np.isfinite(difference).any():
            yield _difference(name, pair, task_name, difference, unit, models, datasets)


def _side(rows: RunTable, column: str, wanted: object) -> Mapping[tuple[str, ...], Floats]:
    """Key of a pair -> (n_tasks,) mean score of the runs on one side."""
    others = [name for name in rows.labels if name not in (column, rows.model, rows.data)]
    found: dict[tuple[str, ...], list[int]] = {}
    for row, cell in enumerate(rows.labels[column]):
        if same(cell, wanted):
            key = (rows.models[row], rows.datasets[row], *(rows.labels[name][row] for name in others))
            found.setdefault(key, []).append(row)
    return {key: _mean_scores(rows.scores[:, places]) for key, places in found.items()}


def _mean_scores(scores: Floats) -> Floats:
    known = np.isfinite(scores)
    counts = known.sum(axis=1)
    sums = np.where(known, scores, 0.0).sum(axis=1)
    return divided(sums, counts)


def _unit(sides: Floats, models: np.ndarray) -> float | None:
    """Spread of (2, n_pairs) scores around the means of their models, over complete pairs."""
    whole = np.isfinite(sides).all(axis=0)
    moved = [sides[:, whole & (models == m)] for m in dict.fromkeys(models)]
    size = spread(np.concatenate([(one - one.mean()).ravel() for one in moved if one.size] or [np.zeros(0)]))
    return size if size > 0 else None


def _difference(
    name: str,
    pair: PairConfig,
    task: str,
    difference: Floats,
    unit: float | None,
    models: np.ndarray,
    datasets: np.ndarray,
) -> PairedDifference:
    known = np.isfinite(difference)
    values = difference[known]
    by_model, by_dataset = (mean_over(_means(values, units[known])) for units in (models, datasets))
    tested = [one.p for one in (by_model, by_dataset)]
    p = None if None in tested else max(one for one in tested if one is not None)
    return PairedDifference(
        name, str(pair.second), str(pair.first), task, len(values), float(values.mean()), unit,
        int(np.sum(values > 0)), by_model, by_dataset, p,
    )  # fmt: skip


def _means(values: Floats, units: np.ndarray) -> Floats:
    return np.array([values[units == one].mean() for one in dict.fromkeys(units)])
