"""From a comparison to a report: which sections there are, in which order, under which title.

Verdicts come first, because they are what a reader came for; a section without data is left out rather than empty.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from dataselect.analysis import COMPARISON
from dataselect.analysis.controls import WITHOUT_BUDGET
from dataselect.reports.budget_curves_section import budget_curves_section
from dataselect.reports.composition_section import composition_section
from dataselect.reports.content import Plot, Section
from dataselect.reports.defects_section import defects_section
from dataselect.reports.distributions_section import distributions_section
from dataselect.reports.examples_section import examples_section
from dataselect.reports.funnel_section import funnel_section
from dataselect.reports.layers_section import layers_section
from dataselect.reports.overlap_section import overlap_section
from dataselect.reports.pool_section import pool_section
from dataselect.reports.reproduction_section import reproduction_section
from dataselect.reports.results_section import results_section
from dataselect.reports.settings_section import settings_section
from dataselect.reports.similarity_section import similarity_section
from dataselect.reports.surprise_section import surprise_section
from dataselect.reports.verdict_section import verdict_section

_OPTIONAL: tuple[tuple[str, Callable[[Any], Section]], ...] = (
    ("curves", budget_curves_section),
    ("defects", defects_section),
    ("pool", pool_section),
    ("distributions", distributions_section),
    ("similarity", similarity_section),
    ("overlaps", overlap_section),
    ("compositions", composition_section),
    ("funnels", funnel_section),
    ("layers", layers_section),
    ("examples", examples_section),
    ("coloured", surprise_section),
)


@dataclass(frozen=True, slots=True)
class Report:
    """A report ready to be rendered; all text in it is raw.

    Attributes:
        made_from: Name of the file that holds its numbers.
        drawings: Scripts beside `plots.js` that draw further kinds of plots.
    """

    title: str
    lede: str
    sections: tuple[Section, ...]
    made_from: str = COMPARISON
    drawings: tuple[str, ...] = ()

    @property
    def plots(self) -> list[Plot]:
        """All plots, in order."""
        return [plot for section in self.sections for block in section.blocks for plot in block.plots]


def build_report(comparison: Mapping[str, Any]) -> Report:
    """Arrange a comparison, as `comparison.json` holds it, into sections."""
    if "settings" in comparison:
        sections = [settings_section(comparison)]
    else:
        sections = [verdict_section(comparison), results_section(comparison)]
    sections += [make(comparison[key]) for key, make in _OPTIONAL if comparison.get(key)]
    sections.append(reproduction_section(comparison["reproduction"]))
    drawings = ("depth_plots.js",) if comparison.get("curves") or comparison.get("layers") else ()
    return Report("Which data to train on", _lede(comparison), tuple(sections), drawings=drawings)


def _lede(comparison: Mapping[str, Any]) -> str:
    runs = comparison["runs"]
    strategies = len({run["strategy"] for run in runs})
    budgets = len({(run["budget"], run["unit"]) for run in runs if run["strategy"] not in WITHOUT_BUDGET})
    counts = (
        _count(strategies, "strategy", "strategies"),
        _count(budgets, "budget", "budgets"),
        _count(sum(len(run["seeds"]) for run in runs), "run", "runs"),
        _count(len(comparison["main_metrics"]), "task", "tasks"),
    )
    return f"A comparison of {counts[0]} at {counts[1]}, in {counts[2]} on {counts[3]}, each against random selection."


def _count(n: int, one: str, many: str) -> str:
    return f"{n:,} {one if n == 1 else many}"
