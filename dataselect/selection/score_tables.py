"""Score tables: the ids, the status and the wanted columns of a finished `score` or `embed` folder, or of one file.

A table is a folder with `scores.parquet` or `scores/*.parquet` and a `manifest.json`, or a single file with an `id`
column: Parquet, or CSV and JSON Lines, in which judges and reward models deliver their ratings. Only wanted columns are
kept. NaN and infinite values become missing, since neither has a place in an order, and are counted, since a table
that dataselect wrote never holds them. Ids of a CSV file are text as they are written, so that 007 stays 007. Left out:
compressed files, other separators.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dataselect.artifacts import column_names, digest, file_digest, ordinary_file, read_parquet
from dataselect.errors import ArtifactError
from dataselect.library_errors import refused
from dataselect.records import WHY_NO_IFD
from dataselect.stage import is_stage, read_finished
from dataselect.strategies.strings import Strings

RESPONSE_TOKENS, TOTAL_TOKENS = "response_tokens", "total_tokens"


@dataclass(frozen=True, slots=True)
class ScoreTable:
    """One score table, as far as selection needs it.

    Attributes:
        name: The path as given, for messages.
        ids: One id per row, distinct.
        status: One status per row; None where the table has no such column.
        columns: name -> (n_rows,) float64, NaN where missing.
        not_finite: name -> how many values were NaN or infinite, for columns that had any.
        rendering: How the scored text was rendered; None where no manifest records it.
        sha256: Digest of the table's files.
        embedded: Whether its rows are those that have an embedding.
        sources: The pool file that each row came from; None where the table has no such column.
        texts: name -> (n_rows,) objects, text or None where missing.
        no_ifd: How many rows have no IFD, by reason; empty where the table has no such column.
    """

    name: str
    ids: Sequence[str]
    status: Sequence[str] | None = None
    columns: dict[str, NDArray[np.float64]] = field(default_factory=dict)
    not_finite: dict[str, int] = field(default_factory=dict)
    rendering: dict[str, Any] | None = None
    sha256: str = ""
    embedded: bool = False
    sources: Sequence[str] | None = None
    texts: dict[str, NDArray[np.object_]] = field(default_factory=dict)
    no_ifd: Mapping[str, int] = field(default_factory=dict)


def read_table(path: Path, wanted: Sequence[str], text_columns: Collection[str] = ()) -> ScoreTable:
    """Read the ids, the status and those of the `wanted` columns that the table has.

    Args:
        text_columns: Those of them that may hold texts instead of numbers.

    Raises:
        ArtifactError: If the table is missing, unfinished or unreadable, an id is missing or repeats, or a wanted
            column does not hold numbers, or texts where it may.
    """
    import pyarrow as pa

    files = _locate(path)
    parts = [read_columns(file, ["id", "status", "source", "ifd_missing", *wanted]) for file in files]
    table = pa.concat_tables(parts, promote_options="permissive")
    ids = _ids(path, table)
    columns: dict[str, NDArray[np.float64]] = {}
    not_finite: dict[str, int] = {}
    texts: dict[str, NDArray[np.object_]] = {}
    for name in dict.fromkeys(wanted):
        if name in text_columns and name in table.column_names and _holds_text(table.column(name)):
            texts[name] = np.array(table.column(name).to_pylist(), object)
        elif name in table.column_names:
            columns[name], bad = _numbers(path, name, table.column(name))
            not_finite |= {name: bad} if bad else {}
    status, sources, missing = (_texts(table, name) for name in ("status", "source", "ifd_missing"))
    no_ifd = Counter(reason for reason in missing or () if reason in WHY_NO_IFD)
    sha256 = file_digest(files[0]) if len(files) == 1 else digest([(f.name, file_digest(f)) for f in files])
    return ScoreTable(
        name=str(path),
        ids=ids,
        status=status,
        columns=columns,
        not_finite=not_finite,
        rendering=_rendering(path),
        sha256=sha256,
        sources=sources,
        texts=texts,
        no_ifd=no_ifd,
    )


def _locate(path: Path) -> list[Path]:
    if path.is_file():
        if path.suffix not in READERS:
            raise ArtifactError(
                f"{path} is not a score table",
                f"give the folder that `dataselect score` wrote, or a file with a column id ({', '.join(READERS)})",
            )
        inside = path.suffix == ".parquet" and is_stage(path.parent)
        return [read_finished(path.parent).file(path.name)] if inside else [path]
    if not path.is_dir():
        raise ArtifactError(f"there is no score table at {path}", "give the folder that `dataselect score` wrote")
    stage = read_finished(path, "score", "embed")
    files = [stage.file("scores.parquet")] if "scores.parquet" in stage else stage.files("scores")
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
    """Return the error for the first row that has no id, or the id of a row before it."""
    seen: set[str | None] = {None, ""}
    row = 0
    while ids[row] not in seen:
        seen.add(ids[row])
        row += 1
    fault = f"the id {ids[row]!r} of an earlier row" if ids[row] else "no id"
    return ArtifactError(f"row {row + 1} of {path} has {fault}", "give every row a unique id")


def _texts(table: Any, name: str) -> Strings | None:  # noqa: ANN401 - pyarrow.Table
    """Read a column of few different texts, missing ones as "None"; None where the table has no such column."""
    import pyarrow as pa

    if name not in table.column_names:
        return None
    column = table.column(name)
    if not _holds_text(column):
        return Strings([str(value) for value in column.to_pylist()])
    return Strings(column.cast(pa.string()).fill_null("None").dictionary_encode())


def _holds_text(column: Any) -> bool:  # noqa: ANN401 - pyarrow array
    import pyarrow as pa

    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


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
        return None  # dataselect writes no such tables, so a manifest beside one belongs to something else
    folder = path if path.is_dir() else path.parent
    if not is_stage(folder):
        return None
    rendering: dict[str, Any] | None = read_finished(folder).manifest.get("rendering")
    return rendering


BLOCK = 2**26
"""Bytes that are parsed at once; a JSON record has to fit."""


def read_columns(file: Path, wanted: Sequence[str]) -> Any:  # noqa: ANN401 - pyarrow.Table
    """Read those of the `wanted` columns that the file has.

    Raises:
        ArtifactError: If the file is of another kind, cannot be read, or has two columns of a wanted name.
    """
    import pyarrow as pa

    kind, read = READERS[file.suffix]
    try:
        table = read(ordinary_file(file), wanted)
        table.validate(full=True)  # that text is UTF-8: Parquet and CSV readers take any bytes for it
    except (OSError, UnicodeDecodeError, pa.ArrowException) as error:
        raise refused(error, f"cannot read {file}") or ArtifactError(
            f"{file} cannot be read as {kind}: {' '.join(str(error).split())}", "correct the file"
        ) from None
    present = [name for name in dict.fromkeys(wanted) if name in table.column_names]
    for name in present:
        if table.column_names.count(name) > 1:
            raise ArtifactError(f"{file} has more than one column {name}", "give each its own name")
    return table.select(present)


def _parquet(file: Path, wanted: Sequence[str]) -> Any:  # noqa: ANN401 - pyarrow.Table
    present = column_names(file)
    return read_parquet(file, [name for name in dict.fromkeys(wanted) if name in present])


def _csv(file: Path, wanted: Sequence[str]) -> Any:  # noqa: ANN401 - pyarrow.Table
    import pyarrow as pa
    from pyarrow import csv

    return csv.read_csv(
        file,
        parse_options=csv.ParseOptions(newlines_in_values=True),
        convert_options=csv.ConvertOptions(column_types={"id": pa.string()}, strings_can_be_null=False),
    )


def _jsonl(file: Path, wanted: Sequence[str]) -> Any:  # noqa: ANN401 - pyarrow.Table
    from pyarrow import json

    return json.read_json(file, read_options=json.ReadOptions(block_size=BLOCK))


READERS: dict[str, tuple[str, Callable[[Path, Sequence[str]], Any]]] = {
    ".parquet": ("Parquet", _parquet),
    ".csv": ("CSV", _csv),
    ".jsonl": ("JSON Lines", _jsonl),
}
"""Suffix -> name of the format, and its reader."""
