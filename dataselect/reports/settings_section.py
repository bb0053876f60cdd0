"""The report of several settings: what held across them, and where the report of each is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dataselect.reports.content import Block, Cell, Section, Table, number, text
from dataselect.reports.numbers import ABSENT, decimals, half_width, signed
from dataselect.reports.results_section import interval
from dataselect.reports.verdict_section import BETTER_IS, missing

_ABOUT = (
    "Every strategy was compared with random in its own setting: the same model, pool and recipe. Here it is counted "
    "in how many settings it was better or worse than random there, corrected for all strategies of that setting."
)
_INTERVAL = (
    "The mean difference is over settings. Its 95 % interval takes them for a sample of settings like these, and is "
    "there from three settings on."
)


def settings_section(comparison: Mapping[str, Any]) -> Section:
    """Counts and mean differences, task by task in the main metric, and the settings with their reports."""
    blocks = [Block(paragraphs=(_ABOUT, _INTERVAL, *missing(comparison)))]
    for n, (task, metric) in enumerate(comparison["main_metrics"].items()):
        rows = [row for row in comparison["across"] if (row["task"], row["metric"]) == (task, metric)]
        if rows:
            title = f"{task}: {metric}, {BETTER_IS[rows[0]['direction']]}"
            blocks.append(Block(title=title, tables=(_counts(f"across-{n}", rows), _each(n, rows))))
    names = tuple((text(one["name"]), text(one["report"])) for one in comparison["settings"])
    blocks.append(
        Block(
            title="Settings",
            tables=(Table("settings", "The report of each, beside this file", ("Setting", "Its report"), names),),
        )
    )
    return Section("settings", "Across settings", tuple(blocks))


def _counts(key: str, rows: Sequence[Mapping[str, Any]]) -> Table:
    headers = ("Strategy", "Budget", "Settings", "Better", "Worse", "Mean difference to random (95\N{NO-BREAK SPACE}%)")
    return Table(
        key, "In how many settings it was better or worse than random", headers, tuple(_row(row) for row in rows)
    )


def _row(row: Mapping[str, Any]) -> tuple[Cell, ...]:
    places = decimals(half_width(row["ci_low"], row["ci_high"]), row["mean"])
    return (
        text(row["strategy"]),
        number(_budget(row), row["budgets"][0] or None),
        number(str(len(row["settings"])), len(row["settings"])),
        Cell(str(row["better"]), row["better"], "better" if row["better"] else ""),
        Cell(str(row["worse"]), row["worse"], "worse" if row["worse"] else ""),
        number(interval(row, "mean", "ci", places), row["mean"]),
    )


def _budget(row: Mapping[str, Any]) -> str:
    found = list(dict.fromkeys(budget for budget in row["budgets"] if budget))
    return f"{', '.join(f'{budget:,}' for budget in found)} {row['unit']}" if found else ABSENT


def _each(n: int, rows: Sequence[Mapping[str, Any]]) -> Table:
    """The difference in every setting."""
    names = list(dict.fromkeys(name for row in rows for name in row["settings"]))
    cells = []
    for row in rows:
        found = dict(zip(row["settings"], row["differences"], strict=True))
        places = decimals(None, max(map(abs, row["differences"])))
        differences = (number(signed(found[s], places) if s in found else ABSENT, found.get(s)) for s in names)
        cells.append((text(row["strategy"]), number(_budget(row), row["budgets"][0] or None), *differences))
    return Table(
        f"each-{n}", "The difference to random in every setting", ("Strategy", "Budget", *names), tuple(cells), True
    )
