"""Every format by its suffix: from a source to its rows and to the digest of its content."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from dataselect.artifacts import canonical_json, digest, file_digest
from dataselect.pool.arrow import read_hub, read_parquet, read_saved, saved_folder
from dataselect.pool.delimited import read_delimited
from dataselect.pool.json_documents import IsRecord, read_json
from dataselect.pool.jsonl import read_jsonl
from dataselect.pool.rows import Row
from dataselect.pool.sources import Source
from dataselect.pool.streams import open_bytes, seekable

_Read = Callable[[BinaryIO, IsRecord], Iterator[Row]]

_STREAMED: dict[str, _Read] = {
    ".jsonl": lambda file, _: read_jsonl(file),
    ".ndjson": lambda file, _: read_jsonl(file),
    ".json": read_json,
    ".csv": lambda file, _: read_delimited(file, "excel"),
    ".tsv": lambda file, _: read_delimited(file, "excel-tab"),
    ".txt": lambda file, _: read_document(file),
}


def read_rows(source: Source, is_record: IsRecord) -> Iterator[Row]:
    """The rows of one source, in order, without ever holding all of them.

    Args:
        is_record: Tells a record by its columns.

    Raises:
        OSError, EOFError: Where the source is damaged.
        PoolError: If it is not what its kind asks for.
    """
    if source.kind == "saved":
        yield from read_saved(source.path)
    elif source.kind == "hub":
        yield from read_hub(str(source.path))
    elif source.kind == ".parquet":
        with seekable(source.path) as path:
            yield from read_parquet(path)
    else:
        with open_bytes(source.path) as file:
            yield from _STREAMED[source.kind](file, is_record)


def read_document(file: BinaryIO) -> Iterator[Row]:
    """A whole file as one record of plain text; line ends stay as they are."""
    raw = file.read()
    try:
        yield Row(1, {"text": raw.decode("utf-8").removeprefix("\ufeff")})
    except UnicodeDecodeError:
        yield Row(1, raw, "not_utf8")


def content_digest(source: Source) -> str:
    """sha256 (hex) of a file's bytes, of a saved data set's Arrow files, or of a hub data set's records.

    Raises:
        OSError, PoolError: As `read_rows`.
    """
    if source.kind == "saved":
        return digest([(path.name, file_digest(path)) for path in sorted(saved_folder(source.path).glob("*.arrow"))])
    if source.kind != "hub":
        return file_digest(Path(source.path))
    total = hashlib.sha256()
    for row in read_hub(str(source.path)):
        total.update(canonical_json(row.value).encode("utf-8", "surrogatepass") + b"\n")
    return total.hexdigest()
