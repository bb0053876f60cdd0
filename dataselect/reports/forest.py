"""A forest figure as plain boxes and SVG: names, intervals on one axis, numbers. It needs no script.

Positions are percentages of the axis, so that the figure fits any width without smaller text; on a narrow screen the
name stands above its line. Every row carries its numbers in words, which is its text alternative. A row that lies far
outside what the others need is cut at the edge and marked, so that one harmful pool does not flatten the rest.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from dataselect.reports.numbers import decimals, fixed, half_width, signed

_CUT = 4.0
"""Ends further out than this many times the typical one are cut at the edge."""
_TICKS = 6


@dataclass(frozen=True, slots=True)
class ForestRow:
    """One line: an estimate with its interval, both in the unit of the axis; no interval, no line.

    Attributes:
        tone: better, worse or none: the mark.
        detail: Small print under the name, such as the number of seeds.
        failure: Why there is no estimate.
    """

    name: str
    estimate: float | None
    low: float | None = None
    high: float | None = None
    tone: str = "none"
    detail: str = ""
    failure: str = ""

    def numbers(self, places: int) -> str:
        """The estimate and its interval in words, with so many decimals."""
        if self.estimate is None:
            return self.failure or "no result"
        if self.low is None or self.high is None:
            return f"{signed(self.estimate, places)} (no interval)"
        return f"{signed(self.estimate, places)} ({signed(self.low, places)} to {signed(self.high, places)})"


@dataclass(frozen=True, slots=True)
class ForestGroup:
    """Rows under one heading; `apart` sets them off from the other groups."""

    title: str
    rows: tuple[ForestRow, ...]
    apart: bool = False


@dataclass(frozen=True, slots=True)
class ForestMark:
    """A row as it is drawn: places in percent of the axis; None where there is nothing to draw."""

    row: ForestRow
    at: float | None
    low: float | None
    high: float | None
    cut_left: bool
    cut_right: bool
    numbers: str


@dataclass(frozen=True, slots=True)
class Forest:
    """A figure: groups of rows on one axis.

    Attributes:
        title: What is shown, with the unit.
        lower_is_better: Whether the left of zero is the good side.
        note: How to read it.
    """

    title: str
    groups: tuple[ForestGroup, ...]
    lower_is_better: bool
    note: str = ""

    @property
    def limits(self) -> tuple[float, float]:
        """Both ends of the axis; zero is inside."""
        rows = [row for group in self.groups for row in group.rows if row.estimate is not None]
        ends = [abs(x) for row in rows for x in (row.low, row.high, row.estimate) if x is not None]
        if not ends or not max(ends):
            return -1.0, 1.0
        typical = sorted(ends)[(len(ends) - 1) // 2]
        most = _CUT * typical if typical else max(ends)
        firm = [x for row in self.groups[0].rows[:1] for x in (row.low, row.high, row.estimate) if x is not None]
        inside = [x for row in rows for x in (row.low, row.high, row.estimate) if x is not None and abs(x) <= most]
        low, high = min(0.0, *inside, *firm), max(0.0, *inside, *firm)
        room = 0.06 * (high - low)
        return low - room, high + room

    @property
    def ticks(self) -> tuple[tuple[float, str], ...]:
        """Place in percent and label of each tick."""
        low, high = self.limits
        step = _round_step((high - low) / _TICKS)
        places = max(0, -math.floor(math.log10(step)))
        first = math.ceil(low / step)
        values = [n * step for n in range(first, math.floor(high / step) + 1)]
        return tuple((self.place(value), fixed(value, places) if value else "0") for value in values)

    @property
    def places(self) -> int:
        """Decimals of all numbers: those of the narrowest interval, so that columns are even."""
        rows = [row for group in self.groups for row in group.rows if row.estimate is not None]
        widths = [half for row in rows if (half := half_width(row.low, row.high))]
        return decimals(min(widths, default=None), max((abs(row.estimate or 0.0) for row in rows), default=0.0))

    @property
    def zero(self) -> float:
        """Where no difference lies, in percent."""
        return self.place(0.0)

    @property
    def words(self) -> str:
        """The text alternative of the whole figure."""
        better = "left" if self.lower_is_better else "right"
        return f"{self.title}; better is to the {better}. {self.note}".strip()

    def place(self, value: float) -> float:
        """A value as percent of the axis, inside it."""
        low, high = self.limits
        return round(min(100.0, max(0.0, 100 * (value - low) / (high - low))), 2)

    def marks(self, group: ForestGroup) -> list[ForestMark]:
        """The rows of a group as they are drawn."""
        return [self._mark(row) for row in group.rows]

    def _mark(self, row: ForestRow) -> ForestMark:
        low, high = self.limits
        if row.estimate is None:
            return ForestMark(row, None, None, None, False, False, row.numbers(0))
        ends = [x for x in (row.low, row.high, row.estimate) if x is not None]
        at = self.place(row.estimate) if low <= row.estimate <= high else None
        left, right = (None if x is None else self.place(x) for x in (row.low, row.high))
        return ForestMark(row, at, left, right, min(ends) < low, max(ends) > high, row.numbers(self.places))


def best_first(rows: Sequence[ForestRow], lower_is_better: bool) -> tuple[ForestRow, ...]:
    """The rows in order of their estimates, those without one last."""
    sign = 1 if lower_is_better else -1
    return tuple(sorted(rows, key=lambda row: math.inf if row.estimate is None else sign * row.estimate))


def _round_step(step: float) -> float:
    """The next larger of 1, 2 and 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(step))
    return next(power * factor for factor in (1, 2, 5, 10) if power * factor >= step * (1 - 1e-9))
