"""Shards of a scoring run: written whole or not at all, skipped when they are there, merged at the end.

A shard holds a fixed number of records of the pool, in input order, so that shard k is the same part of the pool in
every run. Each model of the run has shards of its own. A shard's rejects and tokens are written before its table: the
table's presence means that the shard is done.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from dataselect.artifacts import atomic, write_text
from dataselect.records import Reject
from dataselect.scoring.tokens import DIRECTORY as TOKENS
from dataselect.scoring.worker import ShardResult

SHARD_RECORDS = 2048
"""Enough rows to sort by length; few enough that a run which is killed loses little."""

DIRECTORY = "shards"
OWN = (f"{DIRECTORY}/**/*.parquet", f"{DIRECTORY}/**/*.rejects.jsonl", f"{TOKENS}/**/*.parquet")


class Shards:
    """The shards of one model in one scoring run.

    Args:
        directory: The stage directory.
        name: Name of the model; empty for the first.
    """

    def __init__(self, directory: Path, name: str) -> None:
        self._shards = directory / DIRECTORY / name
        self._tokens = directory / TOKENS / name

    def _table(self, index: int) -> Path:
        return self._shards / f"{index:06d}.parquet"

    def _rejects(self, index: int) -> Path:
        return self._shards / f"{index:06d}.rejects.jsonl"

    def done(self, index: int) -> bool:
        """Whether a shard was finished, by this run or an earlier one."""
        return self._table(index).exists()

    def write(self, result: ShardResult) -> None:
        """Write one shard."""
        import pyarrow.parquet as pq

        lines = (json.dumps(asdict(reject), ensure_ascii=False) + "\n" for reject in result.rejects)
        write_text(self._rejects(result.index), "".join(lines))
        if result.sidecar is not None:
            with atomic(self._tokens / f"{result.index:06d}.parquet") as temporary:
                pq.write_table(result.sidecar, temporary, compression="zstd")
        with atomic(self._table(result.index)) as temporary:
            pq.write_table(result.table, temporary)

    def read(self, index: int) -> Any:  # noqa: ANN401 - an Arrow table
        """The rows of one shard."""
        import pyarrow.parquet as pq

        return pq.read_table(self._table(index))

    def rejects(self, index: int) -> Iterator[Reject]:
        """The rejects of one shard."""
        for line in self._rejects(index).read_text(encoding="utf-8").split("\n")[:-1]:
            yield Reject(**json.loads(line))


def remove_shards(directory: Path) -> None:
    """Remove the shards, once they are merged and the manifest is written."""
    folder = directory / DIRECTORY
    for file in (*folder.glob("**/*.parquet"), *folder.glob("**/*.rejects.jsonl")):
        file.unlink()
    for inside in sorted(folder.glob("**/"), reverse=True):
        with suppress(OSError):
            inside.rmdir()
