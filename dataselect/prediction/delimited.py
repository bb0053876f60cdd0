"""A CSV as columns of text, with the line of each row; ragged rows and repeated names are refused."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dataselect.errors import ArtifactError
from dataselect.pool.streams import open_bytes
from dataselect.prediction.table import Floats, Unreadable

ABSENT = frozenset({"", "na", "n/a", "nan", "none", "null", "-"})
"""Cells that say that there is no number, whatever their case."""


@dataclass(frozen=True, slots=True)
class TextTable:
    """Columns of text, aligned with the lines that rows begin on."""

    path: Path
    columns: dict[str, list[str]]
    lines: tuple[int, ...]

    def numbers(self, column: str, unreadable: list[Unreadable]) -> Floats:
        """One column as (n,) float64; cells that are no finite number become NaN and are added to `unreadable`."""
        values = np.full(len(self.lines), np.nan)
        for row, cell in enumerate(self.columns[column]):
            text = cell.strip()
            if text.lower() in ABSENT:
                continue
            try:
                value = float(text)
            except ValueError:
                value = np.nan
            if np.isfinite(value):
                values[row] = value
            else:
                unreadable.append(Unreadable(self.lines[row], column, text))
        return values


def read_delimited(path: Path) -> TextTable:
    """Read a CSV (also .gz or .zst) with one line of names.

    Raises:
        ArtifactError: If it cannot be read, has no rows, repeats a column's name, or has a row of another length.
    """
    try:
        with open_bytes(path) as file:
            text = file.read().decode("utf-8-sig")
        reader = csv.reader(io.StringIO(text, newline=""), strict=True)
        return _columns(path, reader)
    except (OSError, EOFError, UnicodeDecodeError, csv.Error) as error:
        raise ArtifactError(f"cannot read the table {path}: {error}", "give a CSV in UTF-8") from None


def _columns(path: Path, reader: csv._reader) -> TextTable:  # type: ignore[name-defined]
    names = [name.strip() for name in next(reader, [])]
    repeated = sorted({name for name in names if names.count(name) > 1 and name})
    if repeated:
        raise ArtifactError(f"{path} has two columns named {', '.join(repeated)}", "rename one of them")
    rows, lines = [], []
    line = reader.line_num + 1
    for row in reader:
        if row:
            if len(row) != len(names):
                raise ArtifactError(
                    f"{path}, line {line}: expected {len(names)} cells, got {len(row)}", "quote cells that hold a comma"
                )
            rows.append(row)
            lines.append(line)
        line = reader.line_num + 1
    if not rows:
        raise ArtifactError(f"{path} has no rows", "a table needs a line of names and a line per run")
    return TextTable(
        path, {name: list(cells) for name, cells in zip(names, zip(*rows, strict=True), strict=True)}, tuple(lines)
    )
