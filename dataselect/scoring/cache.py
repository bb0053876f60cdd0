"""The score cache: a row that was scored before by the same model in the same way is not scored again.

The key is the content: the token ids, parts and steps that the model would see, and the *salt*, which names everything
else that the numbers depend on (model digest, backend, dtype, engine arguments, scorers, package versions, device). So
it does not matter from which pool a row came, and nothing can be stale. One SQLite file, shared by all runs of a user;
any process may be killed at any time.

A run never uses what was stored after it began (`run.json` has the time). Otherwise a run that was killed and resumed
would find some of its own rows, batch the others differently, and differ from an undisturbed run in the last bits.

Each row has a digest over its key and its value: one that no longer matches is deleted, and the row scored again.

The cache is a convenience: if it cannot be read or written, the run continues without it. Left out: eviction. A row
takes about 500 bytes, the token sidecar 13 per token; the file may be deleted at any time.
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
from dataselect.scoring.steps import step_starts

VARIABLE = "DATASELECT_CACHE"
_TABLE = (
    "CREATE TABLE IF NOT EXISTS checked_scores"
    " (key BLOB PRIMARY KEY, stored REAL NOT NULL, digest BLOB NOT NULL, value TEXT NOT NULL) WITHOUT ROWID"
)
_AT_ONCE = 500


def cache_path() -> Path:
    """Return the cache's file: in `DATASELECT_CACHE`, else in the user's cache folder."""
    folder = os.environ.get(VARIABLE)
    if folder:
        return Path(folder) / "scores.sqlite"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "dataselect" / "scores.sqlite"


def row_key(salt: str, rendered: Rendered) -> bytes:
    """Return a 16-byte key of one rendered example under one salt."""
    key = hashlib.blake2b(salt.encode(), digest_size=16)
    lengths = (len(rendered.token_ids), rendered.alone_start, rendered.final_start, rendered.seam_tokens)
    ratings = [(one.name, len(one.token_ids)) for one in rendered.ratings]
    key.update(json.dumps([*lengths, rendered.response_bytes, rendered.status, *ratings]).encode())
    rated = (array for one in rendered.ratings for array in (one.token_ids, one.digits))
    for array in (rendered.token_ids, rendered.parts, step_starts(rendered), rendered.alone_ids, *rated):
        key.update(np.ascontiguousarray(array).tobytes())
    return key.digest()


class ScoreCache:
    """Scored rows by key.

    Args:
        path: The file; made if absent.
        before: Unix time; rows stored later are not found.
    """

    def __init__(self, path: Path, before: float) -> None:
        self._path = path
        self._before = before
        self.fault = ""

    def find(self, keys: Iterable[bytes]) -> dict[bytes, dict[str, Any]]:
        """Return the rows that are stored. Empty, with `fault` set, if the cache cannot be read."""
        wanted = list(keys)
        try:
            with closing(self._open()) as connection:
                rows = [
                    row
                    for at in range(0, len(wanted), _AT_ONCE)
                    for row in self._select(connection, wanted[at : at + _AT_ONCE])
                ]
                damaged = [(key,) for key, check, value in rows if check != _check(key, value)]
                if damaged:
                    with connection:
                        connection.executemany("DELETE FROM checked_scores WHERE key = ?", damaged)
                return {key: json.loads(value) for key, check, value in rows if check == _check(key, value)}
        except (sqlite3.Error, OSError, ValueError) as error:
            self.fault = str(error)
            return {}

    def store(self, rows: Mapping[bytes, Mapping[str, Any]], now: float) -> None:
        """Store rows. `fault` is set if the cache cannot be written."""
        texts = ((key, json.dumps(row, default=_plain)) for key, row in rows.items())
        values = [(key, now, _check(key, value), value) for key, value in texts]
        try:
            with closing(self._open()) as connection, connection:
                connection.executemany("INSERT OR IGNORE INTO checked_scores VALUES (?, ?, ?, ?)", values)
        except (sqlite3.Error, OSError) as error:
            self.fault = str(error)

    def _select(self, connection: sqlite3.Connection, keys: Sequence[bytes]) -> list[tuple[bytes, bytes, str]]:
        marks = ",".join("?" * len(keys))
        query = f"SELECT key, digest, value FROM checked_scores WHERE stored < ? AND key IN ({marks})"
        return connection.execute(query, (self._before, *keys)).fetchall()

    def _open(self) -> sqlite3.Connection:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(self._path, timeout=30)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
        connection.execute(_TABLE)
        return connection


def _check(key: bytes, value: str) -> bytes:
    """Return an 8-byte digest of a key and its value."""
    return hashlib.blake2b(key + value.encode(), digest_size=8).digest()


def _plain(value: object) -> object:
    """Convert an array of the token sidecar to a list; a float32 becomes the float64 that reads back as the same."""
    assert isinstance(value, np.ndarray)
    return value.tolist()
