"""What the sentences about a row are made from, and how numbers, budgets and other rows are told in them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dataselect.explanation.selected import Selected
from dataselect.explanation.shadow import Shadow
from dataselect.selection.fates import WORDS


@dataclass(frozen=True, slots=True)
class Case:
    """What the sentences are made from.

    Attributes:
        numbers: The known numbers of the row.
        shadow: The row in its way.
    """

    selected: Selected
    row: int
    numbers: Mapping[str, float]
    shadow: Shadow | None

    @property
    def manifest(self) -> Mapping[str, Any]:
        """Of the selection."""
        return self.selected.manifest

    def values(self, names: tuple[str, ...]) -> str:
        """The row's numbers of some columns, as text; empty where none is known."""
        told = [f"{name} is {number(self.numbers[name])}" for name in dict.fromkeys(names) if name in self.numbers]
        return f"Its {', its '.join(told)}." if told else ""


def number(value: float) -> str:
    """A number as people read it: four digits, whole numbers whole."""
    if value == int(value) or abs(value) >= 10_000:
        return f"{value:,.0f}"
    return f"{value:,.4g}" if abs(value) < 1_000 else f"{value:,.1f}"


def budget(selected: Selected) -> str:
    """The budget as typed, with what it comes to where that is not the same."""
    text, amount, unit = (selected.manifest[name] for name in ("budget_text", "budget", "unit"))
    return f"{amount:,} {unit}" if text.strip() in (str(amount), f"{amount}tok") else f"{text}, {amount:,} {unit}"


def fate(reason: str, rank: int | None) -> str:
    """What became of another row, in a few words."""
    return f"not kept: {WORDS.get(reason, reason.replace('_', ' '))}" if reason else f"kept at rank {rank:,}"


def fate_of(selected: Selected, row: int) -> str:
    """The same, of a row of the pool."""
    return fate(selected.reason(row), int(selected.rank[row]))


def many(count: int, noun: str) -> str:
    """A count with its noun."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
