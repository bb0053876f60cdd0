"""The rows of all pools as columns of small numbers; their texts stand in a temporary file and are read back by place.

A row takes about 100 bytes of memory however long its text is, so that a million rows fit. What is found is a bit of
the column `flags`: every count, share, example and sum of filters then comes from one column.
"""

from __future__ import annotations

import os
import tempfile
from array import array
from collections.abc import Mapping, Sequence
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from dataselect.records import Example
from dataselect.strategies import Text

_TYPES = {
    "pool": "H", "line": "I", "record": "I", "flags": "Q", "schema": "B", "traits": "H", "language": "B", "turns": "H",
    "prompt_characters": "I", "response_characters": "I", "response_bytes": "I", "total_tokens": "I",
    "response_tokens": "I", "own_id": "Q", "content": "Q", "prompt": "Q", "response": "Q", "opening": "Q",
}  # fmt: skip
"""Column -> its C type. `own_id`, `content`, `prompt`, `response`, `opening`: 64-bit hashes, 0 for none."""

_LARGEST = {code: 2 ** (8 * array(code).itemsize) - 1 for code in set(_TYPES.values())}


class Rows(Sequence[Text]):
    """What each readable record says (a sequence of texts), and numbers about it.

    Args:
        pools: Names of the pools, in order.
    """

    def __init__(self, pools: Sequence[str]) -> None:
        self.pools = tuple(pools)
        self._places = {name: place for place, name in enumerate(pools)}
        self._columns = {name: array(code) for name, code in _TYPES.items()}
        self._ends = array("Q", [0])
        self._file = tempfile.TemporaryFile(prefix="dataselect-audit-")  # noqa: SIM115 - lives as long as the rows
        self._flushed = True
        self.flags: NDArray[np.uint64] = np.zeros(0, np.uint64)

    def add(self, example: Example, text: Text, numbers: Mapping[str, int]) -> None:
        """Put one row at the end. A number that is too large for its column becomes the largest."""
        given = {**numbers, "pool": self._places[example.source], "line": example.line}
        for name, column in self._columns.items():
            column.append(min(given.get(name, 0), _LARGEST[column.typecode]))
        end = self._ends[-1]
        for part in (example.id, text.prompt, text.response):
            data = part.encode("utf-8", "surrogatepass")
            self._file.write(data)
            end += len(data)
            self._ends.append(end)
        self._flushed = False

    def close_columns(self) -> None:
        """End the adding: `flags` can be written from here on."""
        self.flags = np.array(self._columns.pop("flags"), np.uint64)

    def __len__(self) -> int:
        return (len(self._ends) - 1) // 3

    @overload
    def __getitem__(self, index: int) -> Text: ...
    @overload
    def __getitem__(self, index: slice) -> list[Text]: ...
    def __getitem__(self, index: int | slice) -> Text | list[Text]:
        if isinstance(index, slice):
            return [self[row] for row in range(*index.indices(len(self)))]
        return Text(self._part(index, 1), self._part(index, 2))

    def id(self, row: int) -> str:
        """The id under which every command knows the row."""
        return self._part(row, 0)

    def column(self, name: str) -> NDArray[Any]:
        """(n,) numbers of all rows."""
        column = self._columns[name]
        return np.frombuffer(column, dtype=column.typecode) if len(column) else np.zeros(0, column.typecode)

    def where(self, row: int) -> str:
        """File and line, as in `alpaca.jsonl:12`; the record's number where many records share a line."""
        pool, line, record = (self._columns[name][row] for name in ("pool", "line", "record"))
        return f"{self.pools[pool]}:{line}" if line >= record else f"{self.pools[pool]} record {record}"

    def has(self, bit: int) -> NDArray[np.bool_]:
        """(n,) mask of the rows that show the finding of this bit."""
        found: NDArray[np.bool_] = (self.flags & np.uint64(bit)) != 0
        return found

    def mark(self, rows: NDArray[np.int64], bit: int) -> None:
        """Let rows show it."""
        self.flags[rows] |= np.uint64(bit)

    def unmark(self, rows: NDArray[np.int64], bit: int) -> None:
        """Let rows not show it."""
        self.flags[rows] &= ~np.uint64(bit)

    def _part(self, row: int, part: int) -> str:
        if not self._flushed:
            self._file.flush()
            self._flushed = True
        start, end = self._ends[3 * row + part : 3 * row + part + 2]
        return os.pread(self._file.fileno(), end - start, start).decode("utf-8", "surrogatepass")
