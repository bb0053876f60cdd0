"""Which data sets are best and worst for one method, task by task.

For every model that was trained on all data sets of the grid, the score on each minus the model's mean over them: no
baseline is needed, and a model that is good at everything counts no more than another. The mean over models has
Student's interval with the model as the unit, and a Holm-corrected p over the data sets of the task. `lead` is the best
minus the second best, paired by model; where its interval holds 0, the first place is not shown. The best of many is
chosen by looking, so its number is somewhat flattered, and the worst's somewhat too low.

Beside it, for those who trust the baselines, the mean gain: over all models with a baseline, and over those whose
baseline on this task nothing speaks against.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from dataselect.analysis.families import holm
from dataselect.prediction.grid import Grid, centred
from dataselect.prediction.means import Mean, mean_over
from dataselect.prediction.table import Floats


@dataclass(frozen=True, slots=True)
class DatasetEffect:
    """One data set on one task.

    Attributes:
        effect: Score minus the model's mean over all data sets, over models.
        p_holm: Over the data sets of this task and method.
        best_in, worst_in: Models for which it is the best and the worst, ties counted for each.
        gain, trusted_gain: Score minus baseline: over all models that have one, and over those with a sound one.
    """

    dataset: str
    effect: Mean
    p_holm: float | None
    best_in: int
    worst_in: int
    gain: Mean
    trusted_gain: Mean


@dataclass(frozen=True, slots=True)
class Extremes:
    """All data sets on one task with one method, best first.

    Attributes:
        models: Those with every data set; `left_out` those without.
        lead: Best minus second best, paired by model.
    """

    task: str
    method: str
    models: tuple[str, ...]
    left_out: tuple[str, ...]
    effects: tuple[DatasetEffect, ...]
    lead: Mean

    @property
    def best(self) -> str:
        """The data set with the highest mean."""
        return self.effects[0].dataset

    @property
    def worst(self) -> str:
        """The one with the lowest."""
        return self.effects[-1].dataset


def extremes(grid: Grid, suspicious: Mapping[tuple[str, str], object]) -> Iterator[Extremes]:
    """One per task that at least two models have all data sets of, and that tells data sets apart at all.

    Args:
        suspicious: (model, task) of baselines that something speaks against.
    """
    for row, task in enumerate(grid.tasks):
        whole = np.isfinite(grid.scores[row]).all(axis=1)
        if whole.sum() < 2 or not centred(grid.scores[row][whole]).any():
            continue
        sound = np.array([(model, task.name) not in suspicious for model in grid.models])
        yield _task(grid, row, whole, sound)


def _task(grid: Grid, row: int, whole: np.ndarray, sound: np.ndarray) -> Extremes:
    values = centred(grid.scores[row][whole])
    gains = grid.gains[row]
    effects = [
        DatasetEffect(
            dataset=name,
            effect=mean_over(values[:, place]),
            p_holm=None,
            best_in=int(np.sum(values[:, place] == values.max(axis=1))),
            worst_in=int(np.sum(values[:, place] == values.min(axis=1))),
            gain=mean_over(gains[:, place]),
            trusted_gain=mean_over(gains[sound, place]),
        )
        for place, name in enumerate(grid.datasets)
    ]
    corrected = holm([one.effect.p for one in effects])
    effects = [replace(one, p_holm=p) for one, p in zip(effects, corrected, strict=True)]
    ordered = sorted(effects, key=lambda one: (-(one.effect.estimate or 0.0), one.dataset))
    named = [grid.models[place] for place in np.flatnonzero(whole)]
    left_out = [grid.models[place] for place in np.flatnonzero(~whole)]
    lead = mean_over(_column(values, grid, ordered[0].dataset) - _column(values, grid, ordered[1].dataset))
    return Extremes(grid.tasks[row].name, grid.method, tuple(named), tuple(left_out), tuple(ordered), lead)


def _column(values: Floats, grid: Grid, dataset: str) -> Floats:
    column: Floats = values[:, grid.datasets.index(dataset)]
    return column
