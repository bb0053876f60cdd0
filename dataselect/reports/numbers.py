"""Formatting of numbers in reports: as many digits as their uncertainty supports, the same for all of a line.

A number without an interval gets four significant digits at most. Minus is U+2212, as wide as a plus. What is absent is
an en dash, never 0.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

ABSENT = "–"
BETTER_IS = {"lower": "lower is better", "higher": "higher is better"}
"""The direction of a metric in words."""


def decimals(half_width: float | None, value: float | None = None) -> int:
    """Decimals that show two digits of an interval's half width, or three of a value that has none; 0 to 6."""
    size = half_width or abs(value or 0.0)
    if size == 0.0:
        return 3
    digits = 1 if half_width else 2
    return max(0, min(6, digits - math.floor(math.log10(size))))


def fixed(value: float | None, places: int) -> str:
    """A number with `places` decimals."""
    if value is None:
        return ABSENT
    return f"{value:,.{places}f}".replace("-", "\N{MINUS SIGN}")


def signed(value: float | None, places: int) -> str:
    """A difference: always with its sign, except for zero."""
    if value is None:
        return ABSENT
    text = f"{value:+,.{places}f}"
    return text[1:] if float(text.replace(",", "")) == 0 else text.replace("-", "\N{MINUS SIGN}")


def short(value: float | None) -> str:
    """A number that has no interval, in three significant digits, whole from 100 on."""
    if value is None:
        return ABSENT
    return fixed(value, decimals(None, value)) if value != 0 else "0"


def count(value: float | None) -> str:
    """A count, or a mean of counts with one decimal where it is not whole."""
    if value is None:
        return ABSENT
    return f"{value:,.0f}" if value == round(value) else f"{value:,.1f}"


def percent(share: float | None) -> str:
    """A share as a percentage."""
    if share is None:
        return ABSENT
    return f"{100 * share:.1f} %" if share < 0.9995 else "100 %"


def probability(p: float | None) -> str:
    """A p value in two digits, or "< 0.001"."""
    if p is None:
        return ABSENT
    return "< 0.001" if p < 0.001 else f"{p:.3f}" if p < 0.1 else f"{p:.2f}"


def half_width(low: float | None, high: float | None) -> float | None:
    """Half the width of an interval; None without one."""
    return None if low is None or high is None else (high - low) / 2


def amount(row: Mapping[str, Any]) -> str:
    """The budget of a row, with its unit; empty for a strategy that no budget limits."""
    return f"{row['budget']:,} {row['unit']}" if row["budget"] else ""


def span(low: float | None, high: float | None, write: Callable[[Any], str]) -> str:
    """Both ends of an interval as `write` formats them."""
    return ABSENT if low is None else f"{write(low)} to {write(high)}"


def two_decimals(value: float | None) -> str:
    """A correlation or an index: a number with two decimals."""
    return fixed(value, 2)
