"""The score cache: a row that was scored before, by the same model in the same way, is not scored again.

The key is the content: the token ids and parts that the model would see, and the *salt*, which names everything else
that the numbers depend on (model digest, backend, dtype, engine arguments, scorers, package versions, device). So it
does not matter from which pool a row came, and nothing can be stale. One SQLite file, shared by all runs of a user;
any process may be killed at any time.

A run never takes what was stored after it began (`run.json` tells when). Otherwise a run that was killed and goes on
would find some of its own rows, batch the others differently, and end with other last bits than an undisturbed one.

The cache is a convenience: if it cannot be read or written the run goes on without it. Left out: eviction. A row costs
about 500 bytes, the token sidecar 13 per token; the file may be deleted at any time.
"""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np

from dataselect.records import Rendered

VARIABLE = "DATASELECT_CACHE"
_TABLE = (
    "CREATE TABLE IF NOT EXISTS scores (key BLOB PRIMARY KEY, stored REAL NOT NULL, value TEXT NOT NULL) WITHOUT ROWID"
)
_AT_ONCE = 500


def cache_path() -> Path:
    """The cache's file: in `DATASELECT_CACHE`, else in the user's cache folder."""
    folder = os.environ.get(VARIABLE)
    if folder:
        return Path(folder) / "scores.sqlite"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "dataselect" / "scores.sqlite"


def row_key(salt: str, rendered: Rendered) -> bytes:
    """16 bytes that stand for one rendered example under one salt."""
    key = hashlib.blake2b(salt.encode(), digest_size=16)
    lengths = (len(rendered.token_ids), rendered.alone_start, rendered.final_start, rendered.seam_tokens)
    ratings = [(one.name, len(one.token_ids)) for one in rendered.ratings]
    key.update(json.dumps([*lengths, rendered.response_bytes, rendered.status, *ratings]).encode())
    rated = (array for one in rendered.ratings for array in (one.token_ids, one.digits))
    for array in (rendered.token_ids, rendered.parts, rendered.alone_ids, *rated):
        key.update(np.ascontiguousarray(array).tobytes())
    return key.digest()


class ScoreCache:
    """Rows by key.

    Args:
        path: The file; made if absent.
        before: Unix time; what was stored later is not seen.
    """

    def __init__(self, path: Path, before: float) -> None:
        self._path = path
        self._before = before
        self.fault = ""

    def find(self, keys: Iterable[bytes]) -> dict[bytes, dict[str, Any]]:
        """The rows that are there. Empty, with `fault` set, if the cache cannot be read."""
        wanted = list(keys)
        try:
            with closing(self._open()) as connection:
                return {
                    key: json.loads(value)
                    for at in range(0, len(wanted), _AT_ONCE)
                    for key, value in self._select(connection, wanted[at : at + _AT_ONCE])
                }
        except (sqlite3.Error, OSError, ValueError) as error:
            self.fault = str(error)
            return {}

    def store(self, rows: Mapping[bytes, Mapping[str, Any]], now: float) -> None:
        """Keep rows. `fault` is set if that cannot be done."""
        values = [(key, now, json.dumps(row, default=_plain)) for key, row in rows.items()]
        try:
            with closing(self._open()) as connection, connection:
                connection.executemany("INSERT OR IGNORE INTO scores VALUES (?, ?, ?)", values)
        except (sqlite3.Error, OSError) as error:
            self.fault = str(error)

    def _select(self, connection: sqlite3.Connection, keys: Sequence[bytes]) -> list[tuple[bytes, str]]:
        marks = ",".join("?" * len(keys))
        query = f"SELECT key, value FROM scores WHERE stored < ? AND key IN ({marks})"
        return connection.execute(query, (self._before, *keys)).fetchall()

    def _open(self) -> sqlite3.Connection:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(self._path, timeout=30)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
        connection.execute(_TABLE)
        return connection


def _plain(value: object) -> object:
    """Arrays of the token sidecar as lists; float32 becomes the float64 that is read back as the same float32."""
    assert isinstance(value, np.ndarray)
    return value.tolist()
