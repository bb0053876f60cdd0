"""The files of an evaluation: each item's outcome as Parquet, the means as JSON, what the model wrote as JSON lines."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dataselect.artifacts import atomic, write_json, write_text
from dataselect.records import TaskResult

RESULTS, MEANS, OUTPUTS = "results.parquet", "results.json", "outputs.jsonl"


@dataclass(frozen=True, slots=True)
class ItemOutput:
    """What a model wrote for one item, for people to read.

    Attributes:
        output: The text.
        ended: Whether the model ended it, or was cut off at the most tokens.
        judged: What was made of it, by name: what was found in it, what was expected, how it ended.
    """

    item_id: str
    output: str
    ended: bool
    judged: Mapping[str, Any]


def write_results(folder: Path, results: Sequence[TaskResult]) -> None:
    """Write results.parquet (task, metric, direction, item_id, value; group if a task has groups) and results.json.

    Args:
        folder: The stage directory.
        results: In the order in which they are to stand.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

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
    with atomic(folder / RESULTS) as temporary:
        pq.write_table(pa.table(columns), temporary)
    means = [
        {
            "task": one.task,
            "metric": one.metric,
            "direction": one.direction,
            "n_items": len(one.item_ids),
            "mean": one.mean,
        }
        for one in results
    ]
    write_json(folder / MEANS, means)


def write_outputs(folder: Path, outputs: Mapping[str, Iterable[ItemOutput]]) -> None:
    """Write outputs.jsonl (task, item_id, output, ended, and what was made of it), if a model wrote anything.

    Args:
        outputs: By task.
    """
    lines = [
        {"task": task, "item_id": one.item_id, "output": one.output, "ended": one.ended, **one.judged}
        for task, each in outputs.items()
        for one in each
    ]
    if lines:
        write_text(folder / OUTPUTS, "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines))


def group_means(results: Sequence[TaskResult]) -> dict[str, dict[str, float | int]]:
    """For each group of a task's items, how many there are and each metric's mean over them."""
    found: dict[str, dict[str, float | int]] = {}
    for one in results:
        names = np.array(one.groups)
        for group in dict.fromkeys(one.groups):
            inside = one.values[names == group]
            found.setdefault(group, {"items": len(inside)})[one.metric] = float(inside.mean())
    return found
