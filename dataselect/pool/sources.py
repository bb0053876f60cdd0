"""The pools of one command: the format of each argument, the name of its examples, its records and its digest.

A name is the file's own, or, where two sources share it, the shortest end of the path that distinguishes them; it never
depends on the folder in which a command runs.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from dataselect.artifacts import canonical_json, digest, file_digest, ordinary_file
from dataselect.errors import PoolError
from dataselect.pool.arrow import read_hub, read_parquet, read_saved, saved_folder
from dataselect.pool.delimited import read_delimited
from dataselect.pool.format_detection import DELIMITERS, detect_delimiter, detect_format
from dataselect.pool.json_records import IsRecord, read_json, read_jsonl
from dataselect.pool.rejects import RawRecord
from dataselect.pool.streams import COMPRESSED, as_utf8, open_bytes, read_head, seekable

STDIN = "-"
_NAMED = 8
"""Sources that a line names."""

SUFFIXES = (".jsonl", ".ndjson", ".json", ".parquet", ".csv", ".tsv", ".txt")
_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*(/[\w.-]+)?")


@dataclass(frozen=True, slots=True)
class Source:
    """One pool.

    Attributes:
        name: The `source` of examples and rejects.
        path: The file or folder; for the hub, its id; "-" for standard input.
        kind: The format: a suffix without compression, or "saved" (a folder), "hub" or "stdin".
    """

    name: str
    path: Path
    kind: str


def find_sources(given: Sequence[str]) -> tuple[Source, ...]:
    """Find the format of each argument; reads nothing but names, sizes, and the beginning of a file of no known suffix.

    Raises:
        PoolError: If one is missing, empty or of no known kind, or one is given twice.
    """
    if not given:
        raise PoolError("no pool was given", "name a file, a folder, a hub id, or - for standard input")
    kinds = [_kind(one) for one in given]
    is_path = [kind not in ("hub", "stdin") for kind in kinds]
    places = [os.path.realpath(one) if path else one for one, path in zip(given, is_path, strict=True)]
    for index, place in enumerate(places):
        if place in places[:index]:
            raise PoolError(f"{given[index]} is given twice", "name each pool once")
    names = _names(
        [Path(os.path.abspath(one)).parts if path else (one,) for one, path in zip(given, is_path, strict=True)]
    )
    return tuple(Source(name, Path(one), kind) for name, one, kind in zip(names, given, kinds, strict=True))


def read_rows(source: Source, is_record: IsRecord) -> Iterator[RawRecord]:
    """The rows of one source, in order, without ever holding all of them.

    Args:
        is_record: Recognises a record by its columns.

    Raises:
        OSError, EOFError: Where the source is damaged.
        PoolError: If it is not what its kind asks for.
    """
    if source.kind == "saved":
        yield from read_saved(source.path)
    elif source.kind == "hub":
        yield from read_hub(str(source.path))
    else:
        yield from _read_file(source, is_record)


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


def by_source(texts: Mapping[str, str]) -> str:
    """Join one text per source into one line, such as "a.jsonl 12, b.jsonl 9"; empty for a single source.

    Args:
        texts: name -> the text about it.
    """
    if len(texts) < 2:
        return ""
    shown = ", ".join(f"{name} {text}" for name, text in list(texts.items())[:_NAMED])
    more = len(texts) - _NAMED
    return f"{shown} and {more} more" if more > 0 else shown


def format_of(path: Path) -> str | None:
    """The suffix that names a file's format, compression aside; None if it is not known."""
    inner = Path(path.stem) if path.suffix.lower() in COMPRESSED else path
    return inner.suffix.lower() if inner.suffix.lower() in SUFFIXES else None


def _read_file(source: Source, is_record: IsRecord) -> Iterator[RawRecord]:
    head = read_head(source.path)
    kind = detect_format(head, source.kind, is_record)
    if kind == ".parquet":
        with seekable(source.path) as path:
            yield from read_parquet(path)
        return
    with open_bytes(source.path) as file:
        text = as_utf8(file)
        if kind in DELIMITERS:
            yield from read_delimited(text, detect_delimiter(head, kind, is_record))
        elif kind == ".txt":
            yield from read_document(text)
        else:
            yield from read_json(text, is_record) if kind == ".json" else read_jsonl(text)


def read_document(file: BinaryIO) -> Iterator[RawRecord]:
    """A whole file as one record of plain text; line ends stay as they are."""
    raw = file.read()
    try:
        yield RawRecord(1, {"text": raw.decode("utf-8").removeprefix("\ufeff")})
    except UnicodeDecodeError:
        yield RawRecord(1, raw, "not_utf8")


def _kind(given: str) -> str:
    path = Path(given)
    if given == STDIN:
        return "stdin"
    if path.is_dir():
        saved_folder(path)
        return "saved"
    kind = format_of(path)
    if path.exists():
        ordinary_file(path)
        if path.stat().st_size == 0:
            raise PoolError(f"{given} is empty", "give a file with at least one record")
        kind = kind or _kind_inside(path)
        if not kind:
            raise PoolError(f"cannot tell the format of {given}", f"known: {' '.join(SUFFIXES)}, each also .gz or .zst")
        return kind
    if kind is not None or path.suffix.lower() in COMPRESSED or not _HUB_ID.fullmatch(given):
        raise PoolError(f"{given} does not exist", "check the path")
    return "hub"


def _kind_inside(path: Path) -> str:
    """The format of a file by its content, where its name gives none; empty if the content leaves a doubt."""
    try:
        return detect_format(read_head(path), "", lambda record: False)
    except PoolError as error:
        raise PoolError(f"cannot tell the format of {path}: {error.message}", error.hint) from None


def _names(parts: list[tuple[str, ...]]) -> list[str]:
    """The shortest ends of the paths that no two share."""
    return [str(Path(*own[-_needed(own, parts) :])) for own in parts]


def _needed(own: tuple[str, ...], parts: list[tuple[str, ...]]) -> int:
    others = [other for other in parts if other is not own]
    return next((n for n in range(1, len(own)) if all(other[-n:] != own[-n:] for other in others)), len(own))
