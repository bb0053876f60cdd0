"""What is improved: the first metric of each task, item by item, against the untrained model.

Of one task the gain of an item is the change of the metric in its own units, with the sign that makes higher better.
Of several tasks gains are divided by the standard deviation of the untrained model's items, and weighted so that their
mean over all items is the mean over tasks: a task with many items or large numbers counts no more than another.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dataselect.errors import DataselectError
from dataselect.records import TaskResult

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Objective:
    """The untrained model's outcomes, which gains are measured from.

    Attributes:
        untrained: The first metric of each task.
    """

    untrained: tuple[TaskResult, ...]

    @classmethod
    def of(cls, results: Sequence[TaskResult]) -> Objective:
        """Take the first metric of each task."""
        return cls(tuple(first_metrics(results)))

    @property
    def items(self) -> int:
        """Items of all tasks."""
        return sum(len(one.item_ids) for one in self.untrained)

    def gains(self, results: Sequence[TaskResult]) -> Floats:
        """(items,) improvement of a trained model; its mean is the objective.

        Raises:
            DataselectError: If the model's items are others than the untrained one's.
        """
        parts = [self._weight(base) * signed(one, base) for one, base in zip(self.aligned(results), self.untrained)]  # noqa: B905
        return np.concatenate(parts)

    def moved(self, results: Sequence[TaskResult]) -> set[str]:
        """The tasks of which a trained model has another outcome than the untrained one on any item.

        Raises:
            DataselectError: If the model's items are others than the untrained one's.
        """
        pairs = zip(self.aligned(results), self.untrained, strict=True)
        return {base.task for one, base in pairs if (one.values != base.values).any()}

    def aligned(self, results: Sequence[TaskResult]) -> list[TaskResult]:
        """The first metric of each task of a trained model, with the same items as the untrained one.

        Raises:
            DataselectError: If they differ.
        """
        found = {one.task: one for one in first_metrics(results)}
        for base in self.untrained:
            if base.task not in found or found[base.task].item_ids != base.item_ids:
                raise DataselectError(f"the trained model answers other items of the task {base.task} than the base")
        return [found[base.task] for base in self.untrained]

    def _weight(self, base: TaskResult) -> float:
        if len(self.untrained) == 1:
            return 1.0
        spread = float(base.values.std()) or 1.0
        return self.items / (len(self.untrained) * len(base.item_ids) * spread)


def first_metrics(results: Sequence[TaskResult]) -> list[TaskResult]:
    """The first result of each task."""
    found: dict[str, TaskResult] = {}
    for one in results:
        found.setdefault(one.task, one)
    return list(found.values())


def signed(one: TaskResult, base: TaskResult) -> Floats:
    """Improvement per item in units of the metric, higher is better."""
    better, worse = (one, base) if one.direction == "higher" else (base, one)
    change: Floats = better.values - worse.values
    return change
