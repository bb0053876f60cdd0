"""The section of planted defects: what each strategy let through, beside what chance would have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dataselect.reports.content import Block, Cell, Plot, Section, Table, number, text
from dataselect.reports.numbers import count, percent
from dataselect.reports.sentences import amount

_TONES = {"fewer": "fewer", "more": "more", "within the range": "none"}


def defects_section(defects: Mapping[str, Any]) -> Section:
    """How many planted defects each strategy let through, beside what chance would."""
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
    rows = tuple(
        (
            text(p["defect"]),
            number(count(p["rows"]), p["rows"]),
            number(percent(p["share"]), p["share"]),
            number(count(p["scorable"]), p["scorable"]),
        )
        for p in planted
    )
    return Table("planted", "Defects in the pool", ("Defect", "Rows", "Share of the pool", "Of these scorable"), rows)


def _defects_table(planted: Sequence[Mapping[str, Any]], through: Sequence[Mapping[str, Any]]) -> Table:
    kinds = [p["defect"] for p in planted]
    groups: dict[tuple[str, str], dict[str, Mapping[str, Any]]] = {}
    for row in through:
        groups.setdefault((row["strategy"], amount(row)), {})[row["defect"]] = row
    headers = ("Strategy", "Budget", *kinds, "Expected in total (95\N{NO-BREAK SPACE}%)")
    rows = tuple(_group_cells([by_kind[kind] for kind in kinds]) for by_kind in groups.values())
    caption = "Let through, mean over seeds, and in brackets what is expected at random"
    return Table("defects", caption, headers, rows)


def _group_cells(kinds: Sequence[Mapping[str, Any]]) -> tuple[Cell, ...]:
    total = kinds[-1]
    counts = [
        Cell(f"{count(k['rows'])} ({k['expected']:.1f})", float(k["rows"]), _TONES[k["against_random"]]) for k in kinds
    ]
    chance = f"{total['expected']:.1f} ({total['range_low']} to {total['range_high']})"
    return (
        text(total["strategy"]),
        number(amount(total), total["budget"]),
        *counts,
        number(chance, total["expected"]),
    )
