"""The groups that associations are tested without: sources, teachers, families, as columns of the table of runs.

A group belongs to a cell of model and data set; if its runs are of several groups, the first one's counts and the
checks say so. An empty cell of the table is a group of its own, "(empty)", which the checks report as well.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dataselect.run_analysis.findings import Finding, counted, listed

EMPTY = "(empty)"


@dataclass(frozen=True, slots=True, eq=False)
class GroupColumn:
    """One column as a grid.

    Attributes:
        name: Of the column.
        names: Of the groups, sorted.
        codes: (n_models, n_datasets) place in `names`; -1 where there is no run.
        mixed: Cells whose runs are of several groups, as text.
    """

    name: str
    names: tuple[str, ...]
    codes: NDArray[np.int64]
    mixed: tuple[str, ...] = ()


def group_column(
    name: str, labels: Sequence[str], cells: Sequence[tuple[int, int]], models: Sequence[str], datasets: Sequence[str]
) -> GroupColumn:
    """Place the labels of runs on a grid.

    Args:
        labels, cells: Of each run.
    """
    cleaned = [label.strip() or EMPTY for label in labels]
    names = tuple(sorted(set(cleaned)))
    codes = np.full((len(models), len(datasets)), -1, dtype=np.int64)
    mixed = []
    for cell, label in zip(cells, cleaned, strict=True):
        code = names.index(label)
        if codes[cell] not in (-1, code):
            mixed.append(f"{models[cell[0]]} on {datasets[cell[1]]}")
        elif codes[cell] == -1:
            codes[cell] = code
    return GroupColumn(name, names, codes, tuple(dict.fromkeys(mixed)))


def group_findings(method: str, columns: Sequence[GroupColumn]) -> Iterator[Finding]:
    """Report groups that cannot do what they are for."""
    for column in columns:
        sizes = {name: int(np.sum(column.codes == place)) for place, name in enumerate(column.names)}
        if len(sizes) == 1:
            text = f"{method}: all runs are in one group of {column.name}, {column.names[0]}: none can be left out"
            yield Finding("one group", "serious", text, (), (column.name,), 1)
        if EMPTY in sizes:
            text = f"{method}: {counted(sizes[EMPTY], 'cell')} without a {column.name} count as one group, {EMPTY}"
            yield Finding("runs without a group", "serious", text, (), (column.name,), sizes[EMPTY])
        if column.mixed:
            shown = f"{counted(len(column.mixed), 'cell')} hold runs of several groups of {column.name}"
            text = f"{method}: {shown}; each counts as the group of its first run: {listed(column.mixed)}"
            yield Finding("mixed groups", "serious", text, (), (column.name,), len(column.mixed))
        single = [name for name, size in sizes.items() if size == 1]
        if single and len(sizes) > 1 and max(sizes.values()) > 1:
            text = (
                f"{method}: {listed(single)} of {column.name}: a group of one run, its place in a range is that run's"
            )
            yield Finding("group of one", "note", text, (), (column.name,), len(single))
