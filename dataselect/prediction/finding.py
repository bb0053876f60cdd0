"""What a check found in a table: a sentence, how grave it is, and where to look."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Severity = Literal["serious", "note"]
_SHOWN = 8


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault, or one thing that a reader must know.

    Attributes:
        check: Name of the check.
        severity: "serious" where numbers that rest on these cells should not be believed as they are.
        text: The whole finding as one sentence.
        lines: Lines of the file that it is about.
        columns: Columns, or tasks.
        count: How many cells, rows or pairs.
    """

    check: str
    severity: Severity
    text: str
    lines: tuple[int, ...] = ()
    columns: tuple[str, ...] = ()
    count: int = 0


def listed(names: Sequence[object], most: int = _SHOWN) -> str:
    """Names with commas; beyond `most`, how many more."""
    shown = ", ".join(map(str, names[:most]))
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"


def counted(n: int, one: str) -> str:
    """A count with its noun, which takes an s."""
    return f"{n:,} {one}" if n == 1 else f"{n:,} {one}s"
