"""The files of an evaluation: every item's outcome as Parquet, the means as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from dataselect.artifacts import atomic, write_json
from dataselect.records import TaskResult

RESULTS, MEANS = "results.parquet", "results.json"


def write_results(folder: Path, results: Sequence[TaskResult]) -> None:
    """Write results.parquet (task, metric, direction, item_id, value) and results.json.

    Args:
        folder: The stage directory.
        results: In the order in which they are to stand.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    lengths = [len(one.item_ids) for one in results]

    def repeated(values: Sequence[str]) -> list[str]:
        return [value for value, length in zip(values, lengths, strict=True) for _ in range(length)]

    table = pa.table(
        {
            "task": repeated([one.task for one in results]),
            "metric": repeated([one.metric for one in results]),
            "direction": repeated([one.direction for one in results]),
            "item_id": [item for one in results for item in one.item_ids],
            "value": pa.array(np.concatenate([one.values for one in results]), pa.float64()),
        }
    )
    with atomic(folder / RESULTS) as temporary:
        pq.write_table(table, temporary)
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
