"""Verdicts on stdout, for the commands that end with a comparison."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dataselect.analysis import Comparison
    from dataselect.analysis.settings import SettingsComparison


def print_verdicts(comparison: Comparison | SettingsComparison) -> None:
    """Print one line per strategy and task."""
    from dataselect.reports import verdict_lines

    for line in verdict_lines(comparison.document):
        print(line.replace("\N{MINUS SIGN}", "-"))
