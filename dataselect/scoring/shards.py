"""Shards of a scoring run: written whole or not at all, skipped when they are there, merged at the end.

A shard holds a fixed number of records of the pool, in input order, so that shard k is the same part of the pool in
every run. Its rejects are written before its table: the table's presence means that the shard is done.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from dataselect.artifacts import atomic, write_text
from dataselect.records import Reject

SHARD_RECORDS = 4096
DIRECTORY = "shards"
OWN = (f"{DIRECTORY}/*.parquet", f"{DIRECTORY}/*.rejects.jsonl")


class Shards:
    """The shards of one scoring run.

    Args:
        directory: The stage directory.
        schema: Arrow schema of the score table.
    """

    def __init__(self, directory: Path, schema: Any) -> None:  # noqa: ANN401
        self._directory = directory
        self._schema = schema

    def _table(self, index: int) -> Path:
        return self._directory / DIRECTORY / f"{index:06d}.parquet"

    def _rejects(self, index: int) -> Path:
        return self._directory / DIRECTORY / f"{index:06d}.rejects.jsonl"

    def done(self, index: int) -> bool:
        """Whether a shard was finished, by this run or an earlier one."""
        return self._table(index).exists()

    def write(self, index: int, rows: Sequence[dict[str, Any]], rejects: Sequence[Reject]) -> None:
        """Write one shard."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        lines = (json.dumps(asdict(reject), ensure_ascii=False) + "\n" for reject in rejects)
        write_text(self._rejects(index), "".join(lines))
        with atomic(self._table(index)) as temporary:
            pq.write_table(pa.Table.from_pylist(list(rows), self._schema), temporary)

    def merge(self, count: int) -> None:
        """Write `scores.parquet` and `rejects.jsonl` from shards 0 to count - 1, one shard in memory at a time."""
        import pyarrow.parquet as pq

        with (
            atomic(self._directory / "scores.parquet") as temporary,
            pq.ParquetWriter(temporary, self._schema) as writer,
        ):
            for index in range(count):
                writer.write_table(pq.read_table(self._table(index), schema=self._schema))
        with atomic(self._directory / "rejects.jsonl") as temporary, temporary.open("wb") as file:
            for index in range(count):
                file.write(self._rejects(index).read_bytes())

    def remove(self) -> None:
        """Remove the shards, once they are merged and the manifest is written."""
        for pattern in OWN:
            for file in self._directory.glob(pattern):
                file.unlink()
        (self._directory / DIRECTORY).rmdir()
