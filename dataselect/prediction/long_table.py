"""A long table, one row per run and task, as one row per run.

Rows belong to one run where model, data set and all conditions are the same. Two scores of one run on one task would be
a choice that nobody made, so they are refused: a column that tells the two apart belongs into `columns.conditions`.
"""

from __future__ import annotations

import numpy as np

from dataselect.errors import ArtifactError
from dataselect.prediction.config import AnalyzeConfig, TaskConfig
from dataselect.prediction.delimited import TextTable
from dataselect.prediction.properties import own_properties
from dataselect.prediction.table import Floats, RunTable, Unreadable, make_task


def read_long(text: TextTable, config: AnalyzeConfig, unreadable: list[Unreadable]) -> RunTable:
    """Gather the rows of each run; its line is that of its first row.

    Raises:
        ArtifactError: If a run has two scores on a task, or two values of one property.
    """
    columns = config.columns
    task_cells, score = text.columns[columns.task or ""], text.numbers(columns.score or "", unreadable)
    keys = list(zip(*(text.columns[name] for name in columns.keys), strict=True))
    runs = {key: row for row, key in enumerate(dict.fromkeys(keys))}
    named = config.tasks or {name: TaskConfig() for name in dict.fromkeys(task_cells)}
    places = {one.column or name: row for row, (name, one) in enumerate(named.items())}
    scores = np.full((len(named), len(runs)), np.nan)
    seen: dict[tuple[int, int], int] = {}
    for row, (key, task) in enumerate(zip(keys, task_cells, strict=True)):
        if task not in places:
            continue
        cell = places[task], runs[key]
        if cell in seen:
            raise ArtifactError(
                f"{text.path}: lines {text.lines[seen[cell]]} and {text.lines[row]} are both {', '.join((*key, task))}",
                "name the column that tells them apart in columns.conditions",
            )
        seen[cell] = row
        scores[cell] = score[row]
    owners = np.array([runs[key] for key in keys])
    first = [int(np.flatnonzero(owners == run)[0]) for run in range(len(runs))]
    properties = own_properties(text, config, unreadable)
    return RunTable(
        model=columns.model, data=columns.data, lines=tuple(text.lines[row] for row in first),
        labels={name: tuple(text.columns[name][row] for row in first) for name in columns.keys},
        tasks=tuple(make_task(name, one) for name, one in named.items()), scores=scores,
        properties={name: _one_each(text, name, values, owners, first) for name, values in properties.items()},
        unreadable=tuple(unreadable),
    )  # fmt: skip


def _one_each(text: TextTable, name: str, values: Floats, owners: np.ndarray, first: list[int]) -> Floats:
    """The property of each run, which all of its rows must share."""
    wanted = values[first][owners]
    differ = np.flatnonzero(~((values == wanted) | (np.isnan(values) & np.isnan(wanted))))
    if len(differ):
        line = text.lines[int(differ[0])]
        raise ArtifactError(f"{text.path}, line {line}: {name} differs within one run", "a property belongs to a run")
    return values[first]
