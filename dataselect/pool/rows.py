"""What every format gives: one row per record of the file, read or not."""

from __future__ import annotations

from dataclasses import dataclass

DAMAGED = (OSError, EOFError)
"""What a format raises when a file breaks off or is not what it says; everything before has been yielded by then."""


@dataclass(frozen=True, slots=True)
class Row:
    """One record as its format gives it.

    Attributes:
        line: 1-based line where the record begins; the record's number in formats without lines.
        value: The parsed value or, with a fault, the raw text or bytes.
        fault: The reason's code if the format could not parse it; else empty.
    """

    line: int
    value: object
    fault: str = ""
