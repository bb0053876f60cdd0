"""Columns that say nothing, say the same twice, or say it on another scale."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from dataselect.prediction.finding import Finding, counted, listed
from dataselect.prediction.table import Floats, RunTable

_MOSTLY = 0.5
_FRACTION = 1.0
_PERCENT = 10.0
"""A column in per cent has its median above this."""


def empty_and_constant(table: RunTable) -> Iterator[Finding]:
    """Columns of scores and properties without a number, with few, or with always the same."""
    for name, values in _columns(table).items():
        known = values[np.isfinite(values)]
        here = f"{len(known):,} of {len(values):,} rows"
        if not len(known):
            yield Finding("empty column", "serious", f"{name} has no number at all", (), (name,), len(values))
        elif np.ptp(known) == 0:
            told = f"{name} is {known[0]:g} wherever it is known ({here}): nothing can be learned from it"
            yield Finding("constant column", "serious", told, (), (name,), len(known))
        elif len(known) < _MOSTLY * len(values):
            told = f"{name} is known for {here} only; {int(np.sum(known == 0)):,} of these are 0"
            yield Finding("nearly empty column", "serious", told, (), (name,), len(values) - len(known))


def equal_columns(table: RunTable) -> Iterator[Finding]:
    """Columns that hold the same numbers."""
    found = list(_columns(table).items())
    for place, (name, values) in enumerate(found):
        for other, others in found[place + 1 :]:
            known = np.isfinite(values) & np.isfinite(others)
            whole = known.sum() > 1 and np.ptp(values[known]) > 0
            if whole and np.array_equal(values, others, equal_nan=True):
                told = f"{name} and {other} hold the same numbers: they are one task, and counting both counts it twice"
                yield Finding("equal columns", "serious", told, (), (name, other), len(values))


def scales(table: RunTable) -> Iterator[Finding]:
    """Scores beyond their declared scale, scales that differ from task to task, and two scales within one task."""
    for task, values in zip(table.tasks, table.scores, strict=True):
        if task.scale is not None:
            low, high = task.scale
            rows = np.flatnonzero((values < low) | (values > high))
            if len(rows):
                shown = listed([f"{value:g}" for value in values[rows]])
                told = f"{task.name} should lie in {low:g} to {high:g}, unlike {counted(len(rows), 'score')}: {shown}"
                yield Finding("outside the scale", "serious", told, _lines(table, rows), (task.name,), len(rows))
    fractions = [name for name, values in _scores(table).items() if _largest(values) <= _FRACTION]
    others = [name for name, values in _scores(table).items() if _largest(values) > _FRACTION]
    if fractions and others:
        told = (
            f"scales are mixed: {listed(fractions)} stay within 1, but {listed(others)} do not. A plain mean over "
            "tasks would be a mean of the latter; means over tasks here are of standardised scores"
        )
        yield Finding("mixed scales", "note", told, (), tuple(fractions), len(fractions))
    for name, values in _scores(table).items():
        yield from _two_scales(table, name, values)


def _two_scales(table: RunTable, name: str, values: Floats) -> Iterator[Finding]:
    """A model whose runs are all fractions where others are per cent."""
    models = np.array(table.models)
    for model in dict.fromkeys(table.models):
        mine = np.isfinite(values) & (models == model)
        others = np.isfinite(values) & (models != model)
        if mine.sum() < 3 or not others.any() or np.median(values[others]) <= _PERCENT:
            continue
        if 0 < values[mine].max() <= _FRACTION:
            told = (
                f"{name} never exceeds 1 for {model} ({counted(int(mine.sum()), 'row')}), while the median of the "
                f"other models is {np.median(values[others]):.3g}: fractions among per cents?"
            )
            lines = _lines(table, np.flatnonzero(mine))
            yield Finding("two scales in one column", "serious", told, lines, (name,), len(lines))


def unreadable_cells(table: RunTable) -> Iterator[Finding]:
    """Cells that should be numbers and are not."""
    columns = dict.fromkeys(cell.column for cell in table.unreadable)
    for column in columns:
        cells = [cell for cell in table.unreadable if cell.column == column]
        texts = listed([repr(cell.text) for cell in cells])
        told = f"{counted(len(cells), 'cell')} of {column} without a number in it, counted as absent: {texts}"
        yield Finding("unreadable cells", "serious", told, tuple(c.line for c in cells), (column,), len(cells))


def _scores(table: RunTable) -> Mapping[str, Floats]:
    return {
        task.name: values for task, values in zip(table.tasks, table.scores, strict=True) if np.isfinite(values).any()
    }


def _columns(table: RunTable) -> Mapping[str, Floats]:
    scores = {task.name: values for task, values in zip(table.tasks, table.scores, strict=True)}
    return scores | dict(table.properties)


def _largest(values: Floats) -> float:
    return float(np.nanmax(values))


def _lines(table: RunTable, rows: np.ndarray) -> tuple[int, ...]:
    return tuple(table.lines[int(row)] for row in rows)
