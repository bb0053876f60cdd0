"""Finds and opens the comparison that a report is about.

Raises rather than renders half a page: a file that is not a comparison is named, with what makes one.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from dataselect.analysis import COMPARISON, Row
from dataselect.artifacts import read_json
from dataselect.errors import ArtifactError

_NEEDED = ("rows", "confidence", "tested", "runs", "main_metrics", "missing_controls", "failed", "reproduction")
_ROW = {field.name for field in dataclasses.fields(Row)}


def find_comparison(directory: Path) -> Path:
    """The comparison in a compare folder, or in the `comparison/` of an experiment folder.

    Raises:
        ArtifactError: If there is none.
    """
    for candidate in (directory / COMPARISON, directory / "comparison" / COMPARISON):
        if candidate.is_file():
            return candidate
    raise ArtifactError(f"{directory} holds no {COMPARISON}", f"dataselect compare {directory} --out FOLDER makes one")


def read_comparison(path: Path) -> dict[str, Any]:
    """Read a `comparison.json`.

    Raises:
        ArtifactError: If it cannot be read, or is not a comparison.
    """
    document = read_json(path)
    missing = [k for k in _NEEDED if k not in document] if isinstance(document, dict) else list(_NEEDED)
    rows = document["rows"] if not missing else []
    missing += sorted({f"rows: {name}" for row in rows for name in _ROW - set(row)})
    if missing:
        raise ArtifactError(
            f"{path} is not a comparison: it lacks {', '.join(missing)}", "make it again with dataselect compare"
        )
    comparison: dict[str, Any] = document
    return comparison
