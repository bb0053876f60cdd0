"""Several settings: what held across them, and where the report of each is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dataselect.reports.content import Block, Column, Section, Table, TableCell, cell, number, text
from dataselect.reports.numbers import ABSENT, BETTER_IS, decimals, half_width, signed
from dataselect.reports.sections.results import interval
from dataselect.reports.sections.verdicts import missing

_ABOUT = (
    "Every strategy was compared with random in its own setting: the same model, pool and recipe. The "
    "counts are of settings in which it was better or worse than random, corrected for all strategies of that setting."
)
_INTERVAL = (
    "The mean difference is over settings. Its 95 % interval takes them for a sample of settings like these, and is "
    "given for three settings or more."
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
    table = Table("settings", "The report of each, beside this file", ("Setting", "Its report"), names)
    blocks.append(Block(title="Settings", tables=(table,)))
    return Section("settings", "Across settings", tuple(blocks))


def _counts(key: str, rows: Sequence[Mapping[str, Any]]) -> Table:
    columns: list[Column] = [
        ("Strategy", lambda row: text(row["strategy"])),
        ("Budget", lambda row: number(_budget(row), row["budgets"][0] or None)),
        ("Settings", lambda row: cell(len(row["settings"]), str)),
        ("Better", lambda row: TableCell(str(row["better"]), row["better"], "better" if row["better"] else "")),
        ("Worse", lambda row: TableCell(str(row["worse"]), row["worse"], "worse" if row["worse"] else "")),
        ("Mean difference to random (95\N{NO-BREAK SPACE}%)", _mean_cell),
    ]
    return Table.of(key, "Settings in which it was better or worse than random", rows, columns)


def _mean_cell(row: Mapping[str, Any]) -> TableCell:
    places = decimals(half_width(row["ci_low"], row["ci_high"]), row["mean"])
    return number(interval(row, "mean", "ci", places), row["mean"])


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
    headers = ("Strategy", "Budget", *names)
    return Table(f"each-{n}", "The difference to random in every setting", headers, tuple(cells), folded=True)
