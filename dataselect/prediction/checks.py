"""All checks of a table, before anything is concluded from it: the gravest findings first."""

from __future__ import annotations

from collections.abc import Sequence

from dataselect.prediction.check_baselines import SuspiciousBaseline, baseline_findings
from dataselect.prediction.check_cells import empty_methods, grid_cells, missing_properties, missing_scores
from dataselect.prediction.check_columns import empty_and_constant, equal_columns, scales, unreadable_cells
from dataselect.prediction.check_rows import identical_rows, repeated_runs
from dataselect.prediction.config import AnalyzeConfig
from dataselect.prediction.finding import Finding
from dataselect.prediction.grid import Grid
from dataselect.prediction.table import RunTable


def check(
    table: RunTable, grids: Sequence[Grid], config: AnalyzeConfig, baselines: tuple[SuspiciousBaseline, ...]
) -> tuple[Finding, ...]:
    """Everything that the checks find.

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
    ]
    return tuple(sorted(found, key=lambda one: one.severity != "serious"))
