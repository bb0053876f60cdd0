"""The selection file: the chosen records best first (`.jsonl`), or their ids alone, and how an earlier one is read.

Chosen records are met in pool order and wanted in rank order, so they go through a temporary file beside the result; in
memory are only their offsets. A record keeps its fields and their order; `_dataselect` is replaced or added at the end.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from dataselect.artifacts import read_text
from dataselect.errors import ArtifactError, PoolError
from dataselect.records import Example, Reject
from dataselect.strategies.strings import Strings

RECORDS, IDS = ".jsonl", (".txt", ".ids")
"""Suffixes of files of records, and of ids."""

NOTE = "_dataselect"


def write_records(
    path: Path,
    pool: Iterable[Example | Reject],
    ids: Sequence[str],
    scores: Sequence[float | None],
    strategy: str,
) -> str:
    """Write the records of `ids`, in that order, to `path`.

    Args:
        ids: The chosen ids, best first.
        scores: Score of each; None where there is no number.

    Returns:
        sha256 (hex) of the file.

    Raises:
        PoolError: If a chosen record is gone, because the pool changed after it was first read.
    """
    ranks = {id_: rank for rank, id_ in enumerate(ids, 1)}
    spans: dict[int, tuple[int, int]] = {}  # rank -> start and length in the temporary file
    sha256 = hashlib.sha256()
    with tempfile.TemporaryFile(dir=path.parent) as spool, path.open("wb") as file:
        for example in pool:
            if isinstance(example, Reject) or example.id not in ranks:
                continue
            rank = ranks[example.id]
            note = {"id": example.id, "rank": rank, "strategy": strategy, "score": scores[rank - 1]}
            line = _record_line(example.record, note)
            spans[rank] = spool.tell(), len(line)
            spool.write(line)
            if len(spans) == len(ids):
                break
        if len(spans) < len(ids):
            gone = next(id_ for id_, rank in ranks.items() if rank not in spans)
            raise PoolError(f"the record {gone!r} is gone: the pool changed while it was read", "select again")
        for rank in range(1, len(ids) + 1):
            start, length = spans[rank]
            spool.seek(start)
            line = spool.read(length)
            file.write(line)
            sha256.update(line)
    return sha256.hexdigest()


def _record_line(record: Mapping[str, Any], note: Mapping[str, Any]) -> bytes:
    value = {**{key: field for key, field in record.items() if key != NOTE}, NOTE: note}
    return (json.dumps(value, ensure_ascii=False, default=str) + "\n").encode("utf-8")


_ROWS = 1_000_000


def write_ids(path: Path, ids: Strings) -> str:
    """Write `ids`, each with a line break after it.

    Returns:
        sha256 (hex) of the file.

    Raises:
        PoolError: If an id holds a line break.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    plain, line_break, nothing = ids.plain, *(pa.scalar(text, pa.large_string()) for text in ("\n", ""))
    if pc.any(pc.match_substring(plain, "\n")).as_py():
        raise PoolError("an id holds a line break, but a list has one id per line", "select into FILE.jsonl instead")
    sha256 = hashlib.sha256()
    with path.open("wb") as file:
        for start in range(0, len(plain), _ROWS):
            lines = pc.binary_join_element_wise(plain.slice(start, _ROWS), line_break, nothing)
            _, offsets, letters = lines.buffers()
            text = memoryview(letters)[: np.frombuffer(offsets, np.int64)[len(lines)]]  # one string after the other
            file.write(text)
            sha256.update(text)
    return sha256.hexdigest()


def shared_rows(params: Mapping[str, Any], ids: Iterable[str]) -> int | None:
    """Count the ids that are rows of the selection that `match` names; None if none is named or it is gone."""
    match = params.get("match")
    if not isinstance(match, str) or not Path(match).is_file():
        return None
    return len(set(ids) & set(selected_ids(Path(match))))


def selected_ids(path: Path) -> list[str]:
    """The ids of a selection file, in rank order.

    Raises:
        ArtifactError: If the file cannot be read, is empty, or a line is not a selected record.
    """
    lines = [line for line in read_text(path, "the selection").split("\n") if line.strip()]
    ranked = sorted(_place(path, number, line) for number, line in enumerate(lines, 1))
    if not ranked:
        raise ArtifactError(f"the selection {path} is empty", "give one with at least one row")
    return [id_ for _, id_ in ranked]


def _place(path: Path, number: int, line: str) -> tuple[int, str]:
    try:
        note = json.loads(line)["_dataselect"]
        return int(note["rank"]), str(note["id"])
    except (ValueError, KeyError, TypeError):
        raise ArtifactError(
            f"line {number} of {path} is not a selected record: it has no _dataselect with id and rank",
            "give a file that `dataselect select` wrote",
        ) from None
