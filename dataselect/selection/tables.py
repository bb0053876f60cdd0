"""Read one score table: the ids, the status and the wanted columns of a finished `score` or `embed` folder.

A table is a folder with `scores.parquet` or `scores/*.parquet` and a `manifest.json`, or a single `.parquet` file (then
any table with an `id` column). Only wanted columns are read. NaN and infinite values become missing, since neither has
a place in an order, and are counted, since a table of ours never holds them.
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
    """

    name: str
    ids: list[str]
    status: list[str] | None
    columns: dict[str, NDArray[np.float64]]
    not_finite: dict[str, int]
    rendering: dict[str, Any] | None
    sha256: str


def read_table(path: Path, wanted: Sequence[str]) -> ScoreTable:
    """Read the ids, the status and those of the `wanted` columns that are there.

    Raises:
        ArtifactError: If the table is missing, unfinished or unreadable, an id is missing or repeats, or a wanted
            column does not hold numbers.
    """
    files = _locate(path)
    table = _read_parquet(files, ["id", "status", *wanted])
    ids = _ids(path, table)
    columns: dict[str, NDArray[np.float64]] = {}
    not_finite: dict[str, int] = {}
    for name in dict.fromkeys(wanted):
        if name in table.column_names:
            columns[name], bad = _numbers(path, name, table.column(name))
            not_finite |= {name: bad} if bad else {}
    status = [str(s) for s in table.column("status").to_pylist()] if "status" in table.column_names else None
    sha256 = file_digest(files[0]) if len(files) == 1 else digest([(f.name, file_digest(f)) for f in files])
    return ScoreTable(str(path), ids, status, columns, not_finite, _rendering(path), sha256)


def _locate(path: Path) -> list[Path]:
    if path.is_file():
        if path.suffix != ".parquet":
            raise ArtifactError(f"{path} is not a score table", "give the folder that `dataselect score` wrote")
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


def _read_parquet(files: Sequence[Path], wanted: Sequence[str]) -> Any:  # noqa: ANN401 - pyarrow.Table
    import pyarrow as pa
    import pyarrow.parquet as pq

    parts = []
    for file in files:
        try:
            there = pq.read_schema(file).names
            parts.append(pq.read_table(file, columns=[c for c in dict.fromkeys(wanted) if c in there]))
        except (OSError, pa.ArrowException) as error:
            raise ArtifactError(f"{file} cannot be read as Parquet: {' '.join(str(error).split())}") from None
    return pa.concat_tables(parts, promote_options="permissive")


def _ids(path: Path, table: Any) -> list[str]:  # noqa: ANN401 - pyarrow.Table
    if "id" not in table.column_names:
        raise ArtifactError(f"{path} has no column id", "scores are joined to the pool by id")
    ids = table.column("id").to_pylist()
    seen: set[str] = set()
    for row, value in enumerate(ids):
        if value is None or str(value) in seen:
            fault = "no id" if value is None else f"the id {value!r} of an earlier row"
            raise ArtifactError(f"row {row + 1} of {path} has {fault}", "an id stands for exactly one row")
        seen.add(str(value))
    return [str(value) for value in ids]


def _numbers(path: Path, name: str, column: Any) -> tuple[NDArray[np.float64], int]:  # noqa: ANN401 - pyarrow array
    import pyarrow as pa

    kind = column.type
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_null(kind)):
        raise ArtifactError(f"the column {name} of {path} should hold numbers, not {kind}")
    values = column.cast(pa.float64()).to_numpy(zero_copy_only=False).astype(np.float64)  # null becomes NaN
    finite = np.isfinite(values)
    return np.where(finite, values, np.nan), int((~finite).sum()) - column.null_count


def _rendering(path: Path) -> dict[str, Any] | None:
    manifest = (path if path.is_dir() else path.parent) / MANIFEST
    if not manifest.exists():
        return None
    rendering: dict[str, Any] | None = read_json(manifest).get("rendering")
    return rendering
