"""Presentation of an entry of analyze.json in sections and sentences: intervals, table cells, plot points, order.

They compute nothing: every number is in the document. A sentence names the runs, models and data sets that a number
rests on, and never claims more than its interval: an effect that is not shown is not shown to be absent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from dataselect.reports.content import Block, Section, TableCell, number
from dataselect.reports.numbers import count, decimals, half_width, probability, signed
from dataselect.run_analysis.run_table import OVERALL

Entry = Mapping[str, Any]
"""A part of the document."""

_FEW_TASKS = 3


def interval(entry: Entry, places: int | None = None, key: str = "estimate") -> str:
    """Write a number with its interval, both with a sign."""
    value, low, high = entry[key], entry["ci_low"], entry["ci_high"]
    if places is None:
        places = decimals(half_width(low, high), value)
    if value is None:
        return signed(None, places)
    ends = "no interval" if low is None else f"95 %: {signed(low, places)} to {signed(high, places)}"
    return f"{signed(value, places)} ({ends})"


def common_places(entries: Sequence[Entry], value: float | None = None) -> int:
    """Return the decimals that the narrowest interval of several entries supports.

    Args:
        value: Decides where no entry has an interval; by default the estimate farthest from 0.
    """
    widths = [width for one in entries if (width := half_width(one["ci_low"], one["ci_high"]))]
    if value is None:
        value = max((abs(one["estimate"] or 0.0) for one in entries), default=None)
    return decimals(min(widths, default=None), value)


def count_cell(value: float | None) -> TableCell:
    """Return a cell of a count."""
    return number(count(value), value)


def p_cell(p: float | None) -> TableCell:
    """Return a cell of a p value."""
    return number(probability(p), p)


def interval_cell(entry: Entry, places: int, key: str = "estimate") -> TableCell:
    """Return a cell of a number with its interval."""
    return number(interval(entry, places, key), entry[key])


def effect_point(label: str, entry: Entry, tone: str, unit: float = 1.0, places: int | None = None) -> dict[str, Any]:
    """Return a point of a plot of effects: the estimate and its interval in multiples of a unit."""
    ends = [entry[key] / unit for key in ("estimate", "ci_low", "ci_high")]
    return {"label": label, "range": ends, "tone": tone, "hover": f"{label}: {interval(entry, places)}"}


def grouped(entries: Iterable[Entry], key: str) -> dict[str, list[Entry]]:
    """Group entries by one of their values, in the order in which these come."""
    groups: dict[str, list[Entry]] = {}
    for one in entries:
        groups.setdefault(one[key], []).append(one)
    return groups


def grouped_section(
    key: str,
    title: str,
    about: str,
    groups: Mapping[str, Sequence[Entry]],
    block: Callable[[int, str, Sequence[Entry]], Block],
) -> Section:
    """Show what a section is about, then one block for each group.

    Args:
        block: Makes the block of a group from its place, its name and its entries.
    """
    blocks = [block(place, name, found) for place, (name, found) in enumerate(groups.items())]
    return Section(key, title, (Block(paragraphs=(about,)), *blocks))


def overall_first(entries: Iterable[Entry]) -> list[Entry]:
    """Sort entries so that those about the mean over tasks come first."""
    return sorted(entries, key=lambda one: one["task"] != OVERALL)


def overall_entries(entries: Sequence[Entry]) -> list[Entry]:
    """Select the entries about the mean over tasks; without such, those about the first few tasks."""
    tasks = list(dict.fromkeys(one["task"] for one in entries))
    wanted = [OVERALL] if OVERALL in tasks else tasks[:_FEW_TASKS]
    return [one for one in entries if one["task"] in wanted]


def task_phrase(task: str) -> str:
    """Return the name of a task for a sentence."""
    return "mean over tasks in standard deviations" if task == OVERALL else task
