"""Read one score table: the ids, the status and the wanted columns of a finished `score` or `embed` folder.

A table is a folder with `scores.parquet` or `scores/*.parquet` and a `manifest.json`, or a single file (then any table
with an `id` column, such as ratings by a judge). Only wanted columns are kept. NaN and infinite values become missing,
since neither has a place in an order, and are counted, since a table of ours never holds them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dataselect.artifacts import MANIFEST, RUN, digest, file_digest, read_json
from dataselect.errors import ArtifactError
from dataselect.selection.table_files import READERS, read_columns
from dataselect.strategies.strings import Strings


@dataclass(frozen=True, slots=True)
class ScoreTable:
    """What selection needs of one table.

    Attributes:
        name: The path as given, for messages.
        ids: One id per row, distinct.
        status: One status per row; None where the table has no such column.
        columns: name -> (n_rows,) float64, NaN where missing.
        not_finite: name -> how many values were NaN or infinite, for columns that had any.
        rendering: How the scored text was rendered, from the manifest; None where it does not say.
        sha256: Digest of the table's files.
        embedded: Whether its rows are those that have an embedding.
        sources: The pool file that each row came from; None where the table does not say.
    """

    name: str
    ids: Sequence[str]
    status: Sequence[str] | None
    columns: dict[str, NDArray[np.float64]]
    not_finite: dict[str, int]
    rendering: dict[str, Any] | None
    sha256: str
    embedded: bool = False
    sources: Sequence[str] | None = None


def read_table(path: Path, wanted: Sequence[str]) -> ScoreTable:
    """Read the ids, the status and those of the `wanted` columns that are there.

    Raises:
        ArtifactError: If the table is missing, unfinished or unreadable, an id is missing or repeats, or a wanted
            column does not hold numbers.
    """
    import pyarrow as pa

    files = _locate(path)
    parts = [read_columns(file, ["id", "status", "source", *wanted]) for file in files]
    table = pa.concat_tables(parts, promote_options="permissive")
    ids = _ids(path, table)
    columns: dict[str, NDArray[np.float64]] = {}
    not_finite: dict[str, int] = {}
    for name in dict.fromkeys(wanted):
        if name in table.column_names:
            columns[name], bad = _numbers(path, name, table.column(name))
            not_finite |= {name: bad} if bad else {}
    status, sources = (_texts(table, name) for name in ("status", "source"))
    sha256 = file_digest(files[0]) if len(files) == 1 else digest([(f.name, file_digest(f)) for f in files])
    return ScoreTable(str(path), ids, status, columns, not_finite, _rendering(path), sha256, sources=sources)


def _locate(path: Path) -> list[Path]:
    if path.is_file():
        if path.suffix not in READERS:
            raise ArtifactError(
                f"{path} is not a score table",
                f"give the folder that `dataselect score` wrote, or a file with a column id ({', '.join(READERS)})",
            )
        return [path]
    if not path.is_dir():
        raise ArtifactError(f"there is no score table at {path}", "give the folder that `dataselect score` wrote")
    if not (path / MANIFEST).exists():
        if (path / RUN).exists():
            raise ArtifactError(f"{path} is unfinished: it has no {MANIFEST}", "run the command that writes it again")
        raise ArtifactError(f"{path} is not a score folder: it has no {MANIFEST}", "give one that `score` wrote")
    single = path / "scores.parquet"
    files = [single] if single.exists() else sorted((path / "scores").glob("[!.]*.parquet"))
    if not files:
        raise ArtifactError(
            f"{path} has no scores.parquet",
            "give a folder of `dataselect score`, or of `dataselect embed --target FILE`",
        )
    return files


def _ids(path: Path, table: Any) -> Strings:  # noqa: ANN401 - pyarrow.Table
    import pyarrow as pa

    if "id" not in table.column_names:
        raise ArtifactError(f"{path} has no column id", "scores are joined to the pool by id")
    column = table.column("id").cast(pa.large_string())
    if column.null_count == 0:
        ids = Strings(column)
        in_order = ids.take(ids.ascending_rows())
        if in_order.ascending and (not len(ids) or in_order[0]):
            return ids
    raise _bad_id(path, column.to_pylist())


def _bad_id(path: Path, ids: Sequence[str | None]) -> ArtifactError:
    """The fault of the first row that has no id, or that of a row before it."""
    seen: set[str | None] = {None, ""}
    row = 0
    while ids[row] not in seen:
        seen.add(ids[row])
        row += 1
    fault = f"the id {ids[row]!r} of an earlier row" if ids[row] else "no id"
    return ArtifactError(f"row {row + 1} of {path} has {fault}", "an id stands for exactly one row")


def _texts(table: Any, name: str) -> Strings | None:  # noqa: ANN401 - pyarrow.Table
    """A column of few different texts, missing ones as "None"; None where the table has no such column."""
    import pyarrow as pa

    if name not in table.column_names:
        return None
    column = table.column(name)
    if not pa.types.is_string(column.type) and not pa.types.is_large_string(column.type):
        return Strings([str(value) for value in column.to_pylist()])
    return Strings(column.fill_null("None").dictionary_encode())


def _numbers(path: Path, name: str, column: Any) -> tuple[NDArray[np.float64], int]:  # noqa: ANN401 - pyarrow array
    import pyarrow as pa

    kind = column.type
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_null(kind)):
        raise ArtifactError(f"the column {name} of {path} should hold numbers, not {kind}")
    values = column.cast(pa.float64()).to_numpy(zero_copy_only=False).astype(np.float64)  # null becomes NaN
    finite = np.isfinite(values)
    return np.where(finite, values, np.nan), int((~finite).sum()) - column.null_count


def _rendering(path: Path) -> dict[str, Any] | None:
    if path.is_file() and path.suffix != ".parquet":
        return None  # no stage of ours writes these, so that a manifest beside them is another's
    manifest = (path if path.is_dir() else path.parent) / MANIFEST
    if not manifest.exists():
        return None
    rendering: dict[str, Any] | None = read_json(manifest).get("rendering")
    return rendering
