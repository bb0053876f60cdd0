"""The section of budget curves: what each strategy reaches with how much data, and where more no longer helps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dataselect.analysis.plateau import Plateau
from dataselect.reports.content import Block, Cell, Plot, Section, Table, number, text
from dataselect.reports.numbers import ABSENT, count, fixed, short
from dataselect.reports.verdict_section import BETTER_IS

Curve = Mapping[str, Any]

_ABOUT = (
    "Each point is the mean over items and seeds; 0 is the untrained model. Where the points bend towards a "
    "plateau, an exponential curve a − (a − b)·exp(−c·n) is fitted, and the table says at which budget 95 % of the "
    "way from b to a is gone, with a bootstrap interval over items. Fewer than four points, or points that do not "
    "bend, give no curve."
)


def budget_curves_section(curves: Sequence[Curve]) -> Section:
    """A plot and a table for every task, metric and unit of budget."""
    keys = dict.fromkeys((curve["task"], curve["metric"], curve["unit"]) for curve in curves)
    blocks = []
    for n, key in enumerate(keys):
        group = [curve for curve in curves if (curve["task"], curve["metric"], curve["unit"]) == key]
        blocks.append(_block(f"curve-{n}", group))
    return Section("curves", "Budget curves", (Block(paragraphs=(_ABOUT,)), *blocks))


def _block(key: str, group: Sequence[Curve]) -> Block:
    first = group[0]
    title = f"{first['task']}: {first['metric']} by {first['unit']}, {BETTER_IS[first['direction']]}"
    shown = [curve for curve in group if ":" not in curve["strategy"]]
    data = {
        "series": [_series(curve) for curve in shown],
        "x_title": f"budget in {first['unit']}",
        "y_title": first["metric"],
    }
    headers = ("Strategy", "Budgets", "Plateau", "95 % of it reached at", "R²", "Nested")
    table = Table(f"{key}-table", title, headers, tuple(_cells(curve) for curve in group))
    return Block(
        title,
        plots=(Plot(key, "bandedCurves", "", f"{title}; the table below holds the fits.", data),),
        tables=(table,),
    )


def _series(curve: Curve) -> dict[str, Any]:
    points = list(zip(curve["budgets"], curve["estimates"], curve["spreads"], strict=True))
    return {
        "name": curve["strategy"],
        "x": [n for n, _, _ in points],
        "y": [y for _, y, _ in points],
        "low": [None if s is None else y - s for _, y, s in points],
        "high": [None if s is None else y + s for _, y, s in points],
        "hover": [_hover(curve, n, y, s) for n, y, s in points],
    }


def _hover(curve: Curve, n: int, y: float, spread: float | None) -> str:
    over = "" if spread is None else f", standard deviation over seeds {short(spread)}"
    return f"{curve['strategy']} at {n:,} {curve['unit']}: {short(y)}{over}"


def _cells(curve: Curve) -> tuple[Cell, ...]:
    plateau = None if curve["plateau"] is None else Plateau(**curve["plateau"])
    nested = {True: "yes", False: "no", None: ABSENT}[curve["nested"]]
    budgets = ", ".join(count(n) for n in curve["budgets"])
    if plateau is None:
        return (
            text(curve["strategy"]),
            text(budgets),
            number("none found", None),
            number(ABSENT, None),
            number(ABSENT, None),
            text(nested),
        )
    return (
        text(curve["strategy"]), text(budgets), number(short(plateau.plateau), plateau.plateau),
        number(_reached(curve), curve["reached"]), number(fixed(plateau.r_squared, 3), plateau.r_squared), text(nested),
    )  # fmt: skip


def _reached(curve: Curve) -> str:
    most = max(curve["budgets"])
    beyond = " (beyond the budgets)" if curve["reached"] > most else ""
    low = ABSENT if curve["reached_low"] is None else count(round(curve["reached_low"]))
    high = "open" if curve["reached_high"] is None else count(round(curve["reached_high"]))
    return f"{count(round(curve['reached']))}{beyond} ({low} to {high})"
