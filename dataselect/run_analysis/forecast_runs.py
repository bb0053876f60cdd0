"""The runs that a forecast is made of: outcomes, what is known before training as numbers, and groups to leave out.

A run without an outcome, without a number that should be known, or without a group is left out, and so is a group of
one run among larger ones: what one run shows of a group cannot be told from its noise. Which lines, and why, is kept.
What is the same in all runs can predict nothing; it is not used, and is named.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dataselect.run_analysis.config import BASELINE, AnalyzeConfig, ForecastConfig
from dataselect.run_analysis.grid import baseline_rows
from dataselect.run_analysis.run_table import Floats, RunTable, known_mean

_TRUTHS = {"true": 1.0, "false": 0.0}


@dataclass(frozen=True, slots=True)
class LeftOutRuns:
    """Runs of no forecast: why, and their lines in the file."""

    reason: str
    lines: tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class ForecastRuns:
    """What is forecast for one task, and from what.

    Attributes:
        rows: (n,) places in the table.
        outcomes: (n,), more is better.
        groups: (n,) names.
        known: (n, n_columns) numbers of `properties` and `given`, categories as one column of 0 and 1 for each.
        given: (n, n_columns) of `given` alone.
        used, constant: Names of the properties that differ between runs, and of those that do not.
        left_out: Runs that are in no forecast.
    """

    rows: NDArray[np.int64]
    outcomes: Floats
    groups: tuple[str, ...]
    known: Floats
    given: Floats
    used: tuple[str, ...]
    constant: tuple[str, ...]
    left_out: tuple[LeftOutRuns, ...]


def forecast_runs(table: RunTable, config: AnalyzeConfig, one: ForecastConfig, task: int) -> ForecastRuns:
    """Gather the runs of one forecast and one task."""
    trained = table.matching(one.where) & ~baseline_rows(table, config)
    baseline = _baseline(table, config, task)
    outcomes = table.oriented[task] - (baseline if one.outcome == "gain" else 0.0)
    groups = np.array([cell.strip() for cell in table.group_cells(one.leave_out)])
    numbers = {name: _numbers(table, name, baseline) for name in (*one.properties, *one.given)}
    absent = {f"no {one.outcome}": ~np.isfinite(outcomes), f"no {one.leave_out}": groups == ""}
    absent |= {
        f"no {name}": ~np.isfinite(values) if values is not None else np.array(_cells(table, name)) == ""
        for name, values in numbers.items()
    }
    kept, left_out = trained, []
    for reason, lacking in absent.items():
        left_out.append((reason, kept & lacking))
        kept = kept & ~lacking
    alone = _alone(groups, kept)
    left_out.append((f"the only run of its {one.leave_out}", alone))
    rows = np.flatnonzero(kept & ~alone)
    columns = {name: _columns(table, name, values, rows) for name, values in numbers.items()}
    constant = tuple(name for name in one.properties if not columns[name].shape[1])
    return ForecastRuns(
        rows=rows, outcomes=outcomes[rows], groups=tuple(groups[rows].tolist()),
        known=_side_by_side([columns[name] for name in (*one.given, *one.properties)], len(rows)),
        given=_side_by_side([columns[name] for name in one.given], len(rows)),
        used=tuple(name for name in one.properties if name not in constant), constant=constant,
        left_out=tuple(_named(table, left_out)),
    )  # fmt: skip


def _named(table: RunTable, left_out: Sequence[tuple[str, NDArray[np.bool_]]]) -> Iterator[LeftOutRuns]:
    for reason, mask in left_out:
        if mask.any():
            yield LeftOutRuns(reason, table.lines_of(np.flatnonzero(mask)))


def _baseline(table: RunTable, config: AnalyzeConfig, task: int) -> Floats:
    """(n,) score of each run's model before training; NaN where there is none."""
    is_base, models = baseline_rows(table, config), np.array(table.models)
    scores = table.oriented[task]
    means = {model: known_mean(scores[is_base & (models == model)]) for model in set(table.models)}
    return np.array([means[model] for model in table.models])


def _cells(table: RunTable, name: str) -> list[str]:
    return [cell.strip() for cell in table.labels[name]]


def _numbers(table: RunTable, name: str, baseline: Floats) -> Floats | None:
    """(n,) numbers of what is known; None for a category. A cell without one is NaN."""
    if name == BASELINE:
        return baseline
    if name in table.properties:
        return table.properties[name]
    found = []
    for cell in _cells(table, name):
        try:
            found.append(_TRUTHS[cell.lower()] if cell.lower() in _TRUTHS else float(cell or "nan"))
        except ValueError:
            return None
    return np.array(found)


def _alone(groups: NDArray[np.str_], kept: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Mark the runs that are the only ones of their group, unless all are."""
    names, counts = np.unique(groups[kept], return_counts=True)
    single = names[counts == 1] if np.max(counts, initial=0) > 1 else names[:0]
    return kept & np.isin(groups, single)


def _columns(table: RunTable, name: str, numbers: Floats | None, rows: NDArray[np.int64]) -> Floats:
    """(n, n_columns) of one thing that is known; no column where it is the same in all runs."""
    if numbers is not None:
        values = numbers[rows]
        return values[:, None] if len(values) and np.ptp(values) > 0 else values[:, None][:, :0]
    cells = np.array(_cells(table, name))[rows]
    levels = np.unique(cells)
    return np.asarray((cells[:, None] == levels).astype(np.float64)) if len(levels) > 1 else np.zeros((len(cells), 0))


def _side_by_side(columns: Sequence[Floats], n: int) -> Floats:
    return np.concatenate(columns, axis=1) if columns else np.zeros((n, 0))
