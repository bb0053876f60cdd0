"""Second pass over a pool: write the chosen records, best first, as they came.

Chosen records are met in pool order and wanted in rank order, so they go through a temporary file beside the result; in
memory are only their places. A record keeps its fields and their order; `_dataselect` is replaced or added at the end.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from dataselect.errors import PoolError
from dataselect.records import Example, Reject

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
        scores: What each was ranked by; None where there is no number.

    Returns:
        sha256 (hex) of the file.

    Raises:
        PoolError: If a chosen record is gone, because the pool changed after it was first read.
    """
    ranks = {id_: rank for rank, id_ in enumerate(ids, 1)}
    places: dict[int, tuple[int, int]] = {}
    sha256 = hashlib.sha256()
    with tempfile.TemporaryFile(dir=path.parent) as spool, path.open("wb") as file:
        for example in pool:
            if isinstance(example, Reject) or example.id not in ranks:
                continue
            rank = ranks[example.id]
            note = {"id": example.id, "rank": rank, "strategy": strategy, "score": scores[rank - 1]}
            places[rank] = _append(spool, _line(example.record, note))
            if len(places) == len(ids):
                break
        if len(places) < len(ids):
            gone = next(id_ for id_, rank in ranks.items() if rank not in places)
            raise PoolError(f"the record {gone!r} is gone: the pool changed while it was read", "select again")
        for rank in range(1, len(ids) + 1):
            start, length = places[rank]
            spool.seek(start)
            line = spool.read(length)
            file.write(line)
            sha256.update(line)
    return sha256.hexdigest()


def _append(spool: IO[bytes], line: bytes) -> tuple[int, int]:
    start = spool.tell()
    spool.write(line)
    return start, len(line)


def _line(record: Mapping[str, Any], note: Mapping[str, Any]) -> bytes:
    value = {**{key: field for key, field in record.items() if key != NOTE}, NOTE: note}
    return (json.dumps(value, ensure_ascii=False, default=str) + "\n").encode("utf-8")
