"""The outcome of a task, and the files of an evaluation.

Every item's outcome is kept as Parquet, the means as JSON, what the model wrote as JSON lines.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from dataselect.artifacts import json_line, write_parquet
from dataselect.errors import DataselectError
from dataselect.evaluation.tasks import EvaluationTask, Metric
from dataselect.records import TaskResult
from dataselect.stage import StageDirectory

RESULTS, MEANS, OUTPUTS = "results.parquet", "results.json", "outputs.jsonl"


@dataclass(frozen=True, slots=True)
class ItemOutput:
    """The text that a model wrote for one item, for people to read.

    Attributes:
        output: The text.
        ended: Whether the model ended it, or was cut off at the most tokens.
        judged: How it was judged, by name: what was extracted, what was expected, how its program ended.
    """

    item_id: str
    output: str
    ended: bool
    judged: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class TaskOutcome:
    """The outcome of one task.

    Attributes:
        results: One per metric, all over the same items.
        items: Items of the task, scored or not.
        left_out: Number of items per reason that have no outcome.
        notes: Warnings for readers of the numbers.
        outputs: What the model wrote, item by item, where it writes.
    """

    results: tuple[TaskResult, ...]
    items: int
    left_out: Mapping[str, int]
    notes: tuple[str, ...] = ()
    outputs: tuple[ItemOutput, ...] = ()


@dataclass(slots=True)
class ItemValues:
    """Collects the values of a task's items, and counts those without, by reason."""

    ids: list[str] = field(default_factory=list)
    values: list[tuple[float, ...]] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)

    def add(self, item_id: str, *values: float) -> None:
        """Add one item, with a value for each metric of the task's kind."""
        self.ids.append(item_id)
        self.values.append(values)

    def outcome(
        self,
        task: EvaluationTask,
        metrics: Sequence[Metric],
        items: int,
        *,
        groups: tuple[str, ...] = (),
        notes: tuple[str, ...] = (),
        outputs: tuple[ItemOutput, ...] = (),
    ) -> TaskOutcome:
        """Return the outcome of the task.

        Raises:
            DataselectError: If no item has a value.
        """
        counted = {reason: number for reason, number in sorted(self.left_out.items()) if number}
        if not self.ids:
            reasons = ", ".join(f"{number} {reason}" for reason, number in counted.items()) or "it has no items"
            message = f"no item of the task {task.name} can be scored: {reasons}"
            raise DataselectError(message, "check the length of its items; dataselect show prints them as rendered")
        columns = zip(metrics, np.array(self.values, np.float64).T, strict=True)
        results = tuple(
            TaskResult(task.name, metric.name, metric.direction, tuple(self.ids), column, groups)
            for metric, column in columns
        )
        return TaskOutcome(results, items, counted, notes, outputs)


def write_results(directory: StageDirectory, results: Sequence[TaskResult]) -> None:
    """Write results.parquet (task, metric, direction, item_id, value; group if a task has groups) and results.json.

    Args:
        results: In the order of the rows.
    """
    import pyarrow as pa

    lengths = [len(one.item_ids) for one in results]

    def repeated(values: Sequence[str]) -> list[str]:
        return [value for value, length in zip(values, lengths, strict=True) for _ in range(length)]

    columns = {
        "task": repeated([one.task for one in results]),
        "metric": repeated([one.metric for one in results]),
        "direction": repeated([one.direction for one in results]),
        "item_id": [item for one in results for item in one.item_ids],
        "value": pa.array(np.concatenate([one.values for one in results]), pa.float64()),
    }
    if any(one.groups for one in results):
        columns["group"] = [group for one in results for group in one.groups or (None,) * len(one.item_ids)]
    with directory.write(RESULTS) as temporary:
        write_parquet(pa.table(columns), temporary)
    means = [
        {"task": one.task, "metric": one.metric, "direction": one.direction, "n_items": len(one.item_ids),
         "mean": one.mean}
        for one in results
    ]  # fmt: skip
    directory.write_json(MEANS, means)


def write_outputs(directory: StageDirectory, outputs: Mapping[str, Iterable[ItemOutput]]) -> None:
    """Write outputs.jsonl (task, item_id, output, ended, and how it was judged), if a model wrote anything.

    Args:
        outputs: By task.
    """
    lines = [
        {"task": task, "item_id": one.item_id, "output": one.output, "ended": one.ended, **one.judged}
        for task, each in outputs.items()
        for one in each
    ]
    if lines:
        directory.write_text(OUTPUTS, "".join(json_line(line) for line in lines))


def group_means(results: Sequence[TaskResult]) -> dict[str, dict[str, float | int]]:
    """Count the items of each group of a task, with each metric's mean over them."""
    found: dict[str, dict[str, float | int]] = {}
    for one in results:
        names = np.array(one.groups)
        for group in dict.fromkeys(one.groups):
            inside = one.values[names == group]
            found.setdefault(group, {"items": len(inside)})[one.metric] = float(inside.mean())
    return found
