"""Read some columns of one table file: Parquet, CSV, or JSON Lines, by its suffix.

Parquet is what `score` and `embed` write; the other two are how judges and reward models hand over their ratings. Ids
of a CSV file are text as they stand there, so that 007 stays 007. Left out: compressed files, other separators.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from dataselect.errors import ArtifactError

BLOCK = 2**26
"""Bytes that are parsed at once; a JSON record has to fit."""


def read_columns(file: Path, wanted: Sequence[str]) -> Any:  # noqa: ANN401 - pyarrow.Table
    """Those of the `wanted` columns that are there.

    Raises:
        ArtifactError: If the file is of another kind, cannot be read, or has two columns of a wanted name.
    """
    import pyarrow as pa

    kind, read = READERS[file.suffix]
    try:
        table = read(file, wanted)
    except (OSError, UnicodeDecodeError, pa.ArrowException) as error:
        raise ArtifactError(f"{file} cannot be read as {kind}: {' '.join(str(error).split())}") from None
    there = [name for name in dict.fromkeys(wanted) if name in table.column_names]
    for name in there:
        if table.column_names.count(name) > 1:
            raise ArtifactError(f"{file} has more than one column {name}", "give each its own name")
    return table.select(there)


def _parquet(file: Path, wanted: Sequence[str]) -> Any:  # noqa: ANN401 - pyarrow.Table
    import pyarrow.parquet as pq

    there = pq.read_schema(file).names
    return pq.read_table(file, columns=[name for name in dict.fromkeys(wanted) if name in there])


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
"""suffix -> its name, and what reads it."""
