"""What is not there: scores that are missing together, runs that the grids lack, and cells that hold several runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from dataselect.prediction.config import AnalyzeConfig
from dataselect.prediction.finding import Finding, counted, listed
from dataselect.prediction.grid import Grid, baseline_rows, conditions
from dataselect.prediction.table import RunTable


def missing_scores(table: RunTable) -> Iterator[Finding]:
    """Scores that are missing; tasks that lack the same rows are told together."""
    patterns: dict[tuple[int, ...], list[str]] = {}
    for task, values in zip(table.tasks, table.scores, strict=True):
        rows = tuple(int(row) for row in np.flatnonzero(~np.isfinite(values)))
        if rows and len(rows) < len(table):
            patterns.setdefault(rows, []).append(task.name)
    for rows, tasks in patterns.items():
        where = counted(len(rows), "row")
        together = f"{len(tasks)} tasks have no score in the same {where}" if len(tasks) > 1 else f"no score in {where}"
        told = f"{together} ({listed(tasks, 16)}): {_in_common(table, rows)}"
        yield Finding(
            "missing scores", "note", told, tuple(table.lines[r] for r in rows), tuple(tasks), len(rows) * len(tasks)
        )


def missing_properties(table: RunTable, config: AnalyzeConfig) -> Iterator[Finding]:
    """Trained runs whose data has no property; models before training have no data."""
    trained = ~baseline_rows(table, config)
    for name, values in table.properties.items():
        rows = np.flatnonzero(~np.isfinite(values) & trained)
        if 0 < len(rows) < len(values):
            sets = list(dict.fromkeys(table.datasets[r] for r in rows))
            told = (
                f"{name} is not known for {counted(len(rows), 'row')}, of {listed(sets)}: nothing that uses it has them"
            )
            yield Finding("missing properties", "note", told, tuple(table.lines[r] for r in rows), (name,), len(rows))


def empty_methods(grids: Sequence[Grid], config: AnalyzeConfig) -> Iterator[Finding]:
    """Methods that no row matches."""
    here = {grid.method for grid in grids}
    for method, condition in conditions(config).items():
        if method not in here:
            told = f"{method}: no run matches {condition or 'it'}, so nothing is said of it"
            yield Finding("empty method", "serious", told)


def grid_cells(grids: Sequence[Grid], models: Sequence[str]) -> Iterator[Finding]:
    """Models and cells that a method lacks, and cells that hold several runs.

    Args:
        models: All models of the table.
    """
    for grid in grids:
        absent = [model for model in dict.fromkeys(models) if model not in grid.models]
        if absent:
            told = f"{grid.method}: no run of {listed(absent)}"
            yield Finding("missing runs", "note", told, (), (), len(absent))
        holes = [f"{grid.models[m]} on {grid.datasets[d]}" for m, d in zip(*np.nonzero(grid.runs == 0), strict=True)]
        if holes:
            told = f"{grid.method}: {len(holes)} of {grid.runs.size} cells hold no run: {listed(holes)}"
            yield Finding("missing runs", "note", told, (), (), len(holes))
        several = int(np.sum(grid.runs > 1))
        if several:
            told = (
                f"{grid.method}: {several} of {grid.runs.size} cells hold several runs, up to {grid.runs.max()}; their "
                "mean is used. Where they differ in more than the seed, narrow them down with where"
            )
            yield Finding("several runs in a cell", "note", told, (), (), several)


def _in_common(table: RunTable, rows: tuple[int, ...]) -> str:
    """What the rows have in common, in words."""
    shared = []
    for name, cells in table.labels.items():
        values = list(dict.fromkeys(cells[row] for row in rows))
        if len(values) <= 2 and len(set(cells)) > len(values):
            shared.append(f"{name} {' or '.join(value or '(empty)' for value in values)}")
    return ", ".join(shared) or f"lines {listed([table.lines[row] for row in rows])}"
