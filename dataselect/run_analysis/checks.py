"""All checks of a table, the gravest findings first; here those of columns and of missing or crowded cells.

Columns are checked for being empty, constant, equal to another or on another scale; cells for missing scores and
properties, for runs that a method lacks, and for several runs in one cell. Copied rows and suspicious baselines have
files of their own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from dataselect.run_analysis.baselines import SuspiciousBaseline, baseline_findings
from dataselect.run_analysis.config import AnalyzeConfig
from dataselect.run_analysis.copied_rows import identical_rows, repeated_runs
from dataselect.run_analysis.findings import Finding, counted, listed
from dataselect.run_analysis.grid import Grid, baseline_rows, conditions
from dataselect.run_analysis.group_labels import group_findings
from dataselect.run_analysis.run_table import Floats, RunTable


def check(
    table: RunTable, grids: Sequence[Grid], config: AnalyzeConfig, baselines: tuple[SuspiciousBaseline, ...]
) -> tuple[Finding, ...]:
    """Run all checks of a table.

    Args:
        table: The whole table, excluded rows too.
        grids: What the analyses look at.
    """
    found = [
        *identical_rows(table),
        *repeated_runs(table),
        *unreadable_cells(table),
        *empty_and_constant(table),
        *equal_columns(table),
        *scales(table),
        *baseline_findings(table, config, baselines),
        *missing_scores(table),
        *missing_properties(table, config),
        *empty_methods(grids, config),
        *grid_cells(grids, table.models),
        *(one for grid in grids if grid.properties for one in group_findings(grid.method, grid.groups)),
    ]
    return tuple(sorted(found, key=lambda one: one.severity != "serious"))


_MOSTLY = 0.5
_FRACTION = 1.0
_PERCENT = 10.0
"""A column in per cent has its median above this."""


def empty_and_constant(table: RunTable) -> Iterator[Finding]:
    """Report columns without a number, with few, or with always the same."""
    for name, values in _columns(table).items():
        known = values[np.isfinite(values)]
        here = f"{len(known):,} of {len(values):,} rows"
        if not len(known):
            yield Finding("empty column", "serious", f"{name} has no number at all", (), (name,), len(values))
        elif np.ptp(known) == 0:
            text = f"{name} is {known[0]:g} wherever it is known ({here}): nothing can be learned from it"
            yield Finding("constant column", "serious", text, (), (name,), len(known))
        elif len(known) < _MOSTLY * len(values):
            text = f"{name} is known for {here} only; {int(np.sum(known == 0)):,} of these are 0"
            yield Finding("nearly empty column", "serious", text, (), (name,), len(values) - len(known))


def equal_columns(table: RunTable) -> Iterator[Finding]:
    """Report columns that hold the same numbers."""
    found = list(_columns(table).items())
    for place, (name, values) in enumerate(found):
        for other, others in found[place + 1 :]:
            known = np.isfinite(values) & np.isfinite(others)
            whole = known.sum() > 1 and np.ptp(values[known]) > 0
            if whole and np.array_equal(values, others, equal_nan=True):
                text = f"{name} and {other} hold the same numbers: they are one task, and both together count it twice"
                yield Finding("equal columns", "serious", text, (), (name, other), len(values))


def scales(table: RunTable) -> Iterator[Finding]:
    """Report scores beyond their declared scale, scales that differ between tasks, and two scales within a task."""
    for task, values in zip(table.tasks, table.scores, strict=True):
        if task.scale is not None:
            low, high = task.scale
            rows = np.flatnonzero((values < low) | (values > high))
            if len(rows):
                shown = listed([f"{value:g}" for value in values[rows]])
                text = f"{task.name} should lie in {low:g} to {high:g}, unlike {counted(len(rows), 'score')}: {shown}"
                yield Finding("outside the scale", "serious", text, table.lines_of(rows), (task.name,), len(rows))
    fractions = [name for name, values in _scores(table).items() if _largest(values) <= _FRACTION]
    others = [name for name, values in _scores(table).items() if _largest(values) > _FRACTION]
    if fractions and others:
        text = (
            f"scales are mixed: {listed(fractions)} stay within 1, but {listed(others)} do not. A plain mean over "
            "tasks would be a mean of the latter; means over tasks here are of standardised scores"
        )
        yield Finding("mixed scales", "note", text, (), tuple(fractions), len(fractions))
    for name, values in _scores(table).items():
        yield from _two_scales(table, name, values)


def _two_scales(table: RunTable, name: str, values: Floats) -> Iterator[Finding]:
    """Report a model whose runs are all fractions where others are per cent."""
    models = np.array(table.models)
    for model in dict.fromkeys(table.models):
        mine = np.isfinite(values) & (models == model)
        others = np.isfinite(values) & (models != model)
        if mine.sum() < 3 or not others.any() or np.median(values[others]) <= _PERCENT:
            continue
        if 0 < values[mine].max() <= _FRACTION:
            text = (
                f"{name} never exceeds 1 for {model} ({counted(int(mine.sum()), 'row')}), while the median of the "
                f"other models is {np.median(values[others]):.3g}: fractions among per cents?"
            )
            lines = table.lines_of(np.flatnonzero(mine))
            yield Finding("two scales in one column", "serious", text, lines, (name,), len(lines))


def unreadable_cells(table: RunTable) -> Iterator[Finding]:
    """Report cells that should be numbers and are not."""
    columns = dict.fromkeys(cell.column for cell in table.unreadable)
    for column in columns:
        cells = [cell for cell in table.unreadable if cell.column == column]
        texts = listed([repr(cell.text) for cell in cells])
        text = f"{counted(len(cells), 'cell')} of {column} without a number in it, counted as absent: {texts}"
        yield Finding("unreadable cells", "serious", text, tuple(c.line for c in cells), (column,), len(cells))


def _scores(table: RunTable) -> Mapping[str, Floats]:
    return {
        task.name: values for task, values in zip(table.tasks, table.scores, strict=True) if np.isfinite(values).any()
    }


def _columns(table: RunTable) -> Mapping[str, Floats]:
    scores = {task.name: values for task, values in zip(table.tasks, table.scores, strict=True)}
    return scores | dict(table.properties)


def _largest(values: Floats) -> float:
    return float(np.nanmax(values))


def missing_scores(table: RunTable) -> Iterator[Finding]:
    """Report missing scores; tasks that lack the same rows are one finding."""
    patterns: dict[tuple[int, ...], list[str]] = {}
    for task, values in zip(table.tasks, table.scores, strict=True):
        rows = tuple(int(row) for row in np.flatnonzero(~np.isfinite(values)))
        if rows and len(rows) < len(table):
            patterns.setdefault(rows, []).append(task.name)
    for rows, tasks in patterns.items():
        where = counted(len(rows), "row")
        together = f"{len(tasks)} tasks have no score in the same {where}" if len(tasks) > 1 else f"no score in {where}"
        text = f"{together} ({listed(tasks, 16)}): {_in_common(table, rows)}"
        yield Finding(
            "missing scores",
            "note",
            text,
            table.lines_of(rows),
            tuple(tasks),
            len(rows) * len(tasks),
        )


def missing_properties(table: RunTable, config: AnalyzeConfig) -> Iterator[Finding]:
    """Report trained runs whose data has no property; models before training have no data."""
    trained = ~baseline_rows(table, config)
    for name, values in table.properties.items():
        rows = np.flatnonzero(~np.isfinite(values) & trained)
        if 0 < len(rows) < len(values):
            sets = list(dict.fromkeys(table.datasets[r] for r in rows))
            text = (
                f"{name} is not known for {counted(len(rows), 'row')}, of {listed(sets)}: nothing that uses it has them"
            )
            yield Finding("missing properties", "note", text, table.lines_of(rows), (name,), len(rows))


def empty_methods(grids: Sequence[Grid], config: AnalyzeConfig) -> Iterator[Finding]:
    """Report methods that no row matches."""
    here = {grid.method for grid in grids}
    for method, condition in conditions(config).items():
        if method not in here:
            text = f"{method}: no run matches {condition or 'it'}, so it has no results"
            yield Finding("empty method", "serious", text)


def grid_cells(grids: Sequence[Grid], models: Sequence[str]) -> Iterator[Finding]:
    """Report models and cells that a method lacks, and cells that hold several runs.

    Args:
        models: All models of the table.
    """
    for grid in grids:
        absent = [model for model in dict.fromkeys(models) if model not in grid.models]
        if absent:
            text = f"{grid.method}: no run of {listed(absent)}"
            yield Finding("missing runs", "note", text, (), (), len(absent))
        holes = [f"{grid.models[m]} on {grid.datasets[d]}" for m, d in zip(*np.nonzero(grid.runs == 0), strict=True)]
        if holes:
            text = f"{grid.method}: {len(holes)} of {grid.runs.size} cells hold no run: {listed(holes)}"
            yield Finding("missing runs", "note", text, (), (), len(holes))
        several = int(np.sum(grid.runs > 1))
        if several:
            text = (
                f"{grid.method}: {several} of {grid.runs.size} cells hold several runs, up to {grid.runs.max()}; their "
                "mean is used. Where they differ in more than the seed, narrow them down with where"
            )
            yield Finding("several runs in a cell", "note", text, (), (), several)


def _in_common(table: RunTable, rows: tuple[int, ...]) -> str:
    """Describe rows by what they have in common."""
    shared = []
    for name, cells in table.labels.items():
        values = list(dict.fromkeys(cells[row] for row in rows))
        if len(values) <= 2 and len(set(cells)) > len(values):
            shared.append(f"{name} {' or '.join(value or '(empty)' for value in values)}")
    return ", ".join(shared) or f"lines {listed([table.lines[row] for row in rows])}"
