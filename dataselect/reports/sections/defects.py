"""Planted defects that each strategy let through, beside what random choice would have let through.

Of N scorable rows with D defects, a random selection of k rows holds k D / N on average and, in 95 of 100 draws, a
number within the central range of the hypergeometric distribution. A strategy below that range avoids the defect; one
above it seeks it. Rows that no model could score can be selected by no strategy, so N and D count scorable rows only.
Counts are means over seeds.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from dataselect.artifacts import ordinary_file
from dataselect.comparison.section_inputs import SectionInputs
from dataselect.comparison.selections import SelectionRecord
from dataselect.errors import ArtifactError
from dataselect.library_errors import user_errors
from dataselect.records import SCORABLE
from dataselect.reports.content import Block, Column, Plot, ReportSection, Section, Table, TableCell, cell, number, text
from dataselect.reports.numbers import amount, count, percent

TOTAL = "total"


@dataclass(frozen=True, slots=True)
class Planted:
    """One kind of defect in the pool: its rows, their share of the pool, and how many of them are scorable."""

    defect: str
    rows: int
    share: float
    scorable: int


@dataclass(frozen=True, slots=True)
class LetThrough:
    """One kind of defect in the selections of one strategy at one budget.

    Attributes:
        selected: Examples selected, mean over seeds.
        rows: Of these, with the defect; mean over seeds.
        expected: Mean of a random choice of as many examples.
        range_low, range_high: Central 95 % range of a single random choice.
        against_random: "fewer" or "more" than that range, or "within the range".
    """

    strategy: str
    budget: int
    unit: str
    n_seeds: int
    defect: str
    selected: float
    rows: float
    expected: float
    range_low: int
    range_high: int
    against_random: str


@dataclass(frozen=True, slots=True)
class Defects:
    """Planted defects of a pool of `pool_rows`, and what got through; the kind "total" is the sum of all kinds."""

    pool_rows: int
    planted: tuple[Planted, ...]
    let_through: tuple[LetThrough, ...]


def read_defects(path: Path) -> dict[str, str]:
    """id -> kind of defect, from lines {"id", "defect", "of"}.

    Raises:
        ArtifactError: If a line is malformed.
    """
    found: dict[str, str] = {}
    with user_errors(f"cannot read {path}"), ordinary_file(path).open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            try:
                row = json.loads(line)
                found[str(row["id"])] = str(row["defect"])
            except (ValueError, KeyError, TypeError) as error:
                raise ArtifactError(f"{path}, line {number}: expected id and defect: {error!r}") from None
    return found


def defects(inputs: SectionInputs) -> Defects | None:
    """Count defects in the pool and in every selection; None without known defects, or where nothing is scorable."""
    path = inputs.experiment.known_defects if inputs.experiment else None
    table = inputs.table
    if path is None or table is None:
        return None
    known = read_defects(path)
    here = [(known[i], status in SCORABLE) for i, status in zip(table.ids, table.statuses, strict=True) if i in known]
    scorable = sum(status in SCORABLE for status in table.statuses)
    if not here or not scorable:
        return None
    planted = []
    for kind in (*sorted({kind for kind, _ in here}), TOTAL):
        members = [fine for name, fine in here if kind in (TOTAL, name)]
        planted.append(Planted(kind, len(members), len(members) / len(table.ids), sum(members)))
    groups: dict[tuple[str, int, str], list[SelectionRecord]] = {}
    for s in inputs.selections:
        groups.setdefault((s.strategy, s.budget, s.unit), []).append(s)
    through = [_let_through(group, one, scorable, known) for group in groups.values() for one in planted]
    return Defects(len(table.ids), tuple(planted), tuple(through))


def _let_through(
    group: Sequence[SelectionRecord], planted: Planted, scorable: int, known: Mapping[str, str]
) -> LetThrough:
    from scipy.stats import hypergeom

    defect, first = planted.defect, group[0]
    counts = [sum(1 for i in s.ids if i in known and defect in (TOTAL, known[i])) for s in group]
    rows, selected = sum(counts) / len(counts), sum(len(s.ids) for s in group) / len(group)
    low, high = map(int, hypergeom(scorable, planted.scorable, min(round(selected), scorable)).interval(0.95))
    return LetThrough(
        strategy=first.strategy, budget=first.budget, unit=first.unit, n_seeds=len(group), defect=defect,
        selected=selected, rows=rows, expected=selected * planted.scorable / scorable, range_low=low, range_high=high,
        against_random="fewer" if rows < low else "more" if rows > high else "within the range",
    )  # fmt: skip


_TONES = {"fewer": "fewer", "more": "more", "within the range": "none"}


def defects_section(defects: Mapping[str, Any]) -> Section:
    """Planted defects that each strategy let through, with the counts expected by chance."""
    total = next(p for p in defects["planted"] if p["defect"] == "total")
    about = (
        f"{count(total['rows'])} of {count(defects['pool_rows'])} rows of the pool ({percent(total['share'])}) carry a "
        "defect that was planted and is known. Expected is what a random choice of as many scorable rows holds, with "
        "the range of 95 in 100 such choices; a mark shows a count below or above that range."
    )
    totals = [row for row in defects["let_through"] if row["defect"] == "total"]
    plot = Plot(
        "defects-plot", "defects", "Planted defects let through",
        "Share of planted defects in each selection against the expected one; the numbers are in the table below.",
        {
            "points": [
                {"label": r["strategy"], "amount": amount(r), **_shares(r)} for r in totals if r["selected"]
            ]
        },
    )  # fmt: skip
    tables = (_planted_table(defects["planted"]), _defects_table(defects["planted"], defects["let_through"]))
    return Section(
        "defects", "Planted defects let through", (Block(paragraphs=(about,), plots=(plot,), tables=tables),)
    )


def _shares(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "share": row["rows"] / row["selected"],
        "expected": row["expected"] / row["selected"],
        "low": row["range_low"] / row["selected"],
        "high": row["range_high"] / row["selected"],
        "tone": _TONES[row["against_random"]],
        "hover": f"{row['strategy']} {amount(row)}: {count(row['rows'])} of {count(row['selected'])}, expected "
        f"{row['expected']:.1f} at random",
    }


def _planted_table(planted: Sequence[Mapping[str, Any]]) -> Table:
    columns: list[Column] = [
        ("Defect", lambda p: text(p["defect"])),
        ("Rows", lambda p: cell(p["rows"], count)),
        ("Share of the pool", lambda p: cell(p["share"], percent)),
        ("Of these scorable", lambda p: cell(p["scorable"], count)),
    ]
    return Table.of("planted", "Defects in the pool", planted, columns)


def _defects_table(planted: Sequence[Mapping[str, Any]], through: Sequence[Mapping[str, Any]]) -> Table:
    groups: dict[tuple[str, str], dict[str, Mapping[str, Any]]] = {}
    for row in through:
        groups.setdefault((row["strategy"], amount(row)), {})[row["defect"]] = row
    columns: list[Column] = [
        ("Strategy", lambda group: text(group["total"]["strategy"])),
        ("Budget", lambda group: number(amount(group["total"]), group["total"]["budget"])),
        *((one["defect"], partial(_count_cell, one["defect"])) for one in planted),
        ("Expected in total (95\N{NO-BREAK SPACE}%)", _expected_cell),
    ]
    caption = "Let through, mean over seeds, and in brackets what is expected at random"
    return Table.of("defects", caption, groups.values(), columns)


def _count_cell(defect: str, group: Mapping[str, Mapping[str, Any]]) -> TableCell:
    row = group[defect]
    return TableCell(f"{count(row['rows'])} ({row['expected']:.1f})", float(row["rows"]), _TONES[row["against_random"]])


def _expected_cell(group: Mapping[str, Mapping[str, Any]]) -> TableCell:
    total = group["total"]
    shown = f"{total['expected']:.1f} ({total['range_low']} to {total['range_high']})"
    return number(shown, total["expected"])


SECTION = ReportSection("defects", data=defects, view=defects_section)
