"""Which columns of a record hold what, where the user says so instead of leaving it to schema detection."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ColumnMap:
    """Names of columns; None leaves the field to detection. `text` cannot be combined with prompt and response."""

    prompt: str | None = None
    response: str | None = None
    system: str | None = None
    text: str | None = None
    id: str | None = None
