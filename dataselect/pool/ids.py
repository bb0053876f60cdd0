"""Ids: stable names of examples, and the check that no two in one command are the same.

An own id is used as text. A record without one is named by its content: the first 16 hex digits of the sha256 of its
canonical JSON without `_dataselect`, so the name is the same in any file, order and selection. Exact duplicates get
-2, -3 ... in order. A record of a selection keeps the id that it has there: a copy's -2, a file's prefix. A whole
pool's ids are remembered as 64-bit hashes in one flat table of 11 to 17 bytes per id (up to 45 for the moments in which
it grows); two own ids with one hash (about n^2 / 2^65) are distinguished by reading again.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dataselect.artifacts import digest
from dataselect.pool.rejects import Unreadable, as_text

_MARK = "_dataselect"
_UNFIT = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_LOAD, _GROWTH = 0.7, 1.5


def content_id(record: Mapping[str, Any]) -> str:
    """16 hex digits that name a record by its content."""
    if _MARK in record:
        record = {name: value for name, value in record.items() if name != _MARK}
    return digest(record)[:16]


def own_id(record: Mapping[str, Any], column: str) -> str | None:
    """The record's own id, as text; None if it has none or an empty one.

    Raises:
        Unreadable: With `wrong_type` for a list or object, `bad_id` for line breaks or control characters.
    """
    value = record.get(column)
    if value is None or value != value:  # NaN is what data frames put into gaps
        return None
    text = as_text(value, column)
    if _UNFIT.search(text):
        raise Unreadable("bad_id", f"{column} with a line break or control character: {text}")
    return text if text.strip() else None


def selected_id(record: Mapping[str, Any]) -> str | None:
    """The id under which a selection holds this record, so that a row keeps its name when a selection is a pool."""
    mark = record.get(_MARK)
    name = mark.get("id") if isinstance(mark, Mapping) else None
    return name if isinstance(name, str) and name and not _UNFIT.search(name) else None


def hash64(text: str) -> int:
    """A 64-bit hash that is the same in every process; never 0."""
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little") or 1


class HashSet:
    """A set of 64-bit numbers other than 0: open addressing with linear probing in one uint64 array.

    A number's home grows with the number, so growing is one sort and one running maximum, without a loop in Python.

    Args:
        smallest: Slots to begin with.
    """

    def __init__(self, smallest: int = 1024) -> None:
        self._count = 0
        self._capacity = smallest
        self._slots: NDArray[np.uint64] = np.zeros(0, np.uint64)
        self._view = self._slots.data
        self._allocate(self._slots, smallest)

    def __len__(self) -> int:
        return self._count

    @property
    def nbytes(self) -> int:
        """Bytes that the table takes."""
        return self._slots.nbytes

    def add(self, number: int) -> bool:
        """Add a number; False if it was in the set."""
        view = self._view
        at = ((number >> 32) * self._capacity) >> 32
        while held := view[at]:
            if held == number:
                return False
            at += 1
        view[at] = number
        self._count += 1
        if self._count > self._capacity * _LOAD or at == len(view) - 2:
            numbers = self._slots[self._slots > 0]
            del view
            self._slots = numbers[:0]  # free the old table before the new one is made
            self._view = self._slots.data
            numbers.sort()
            self._allocate(numbers, int(self._capacity * _GROWTH))
        return True

    def _allocate(self, numbers: NDArray[np.uint64], capacity: int) -> None:
        """Lay out sorted numbers: each at its home, or behind the one before it. The last slot stays empty."""
        places = numbers >> np.uint64(32)
        places *= np.uint64(capacity)
        places >>= np.uint64(32)
        index = np.arange(len(numbers), dtype=np.uint64)
        places += np.uint64(len(numbers))  # so that no difference is negative
        places -= index
        np.maximum.accumulate(places, out=places)
        places += index
        places -= np.uint64(len(numbers))
        last = int(places[-1]) if len(places) else 0
        self._slots = np.zeros(max(capacity, last + 1) + capacity // 64 + 16, np.uint64)
        self._slots[places] = numbers
        self._capacity = capacity
        self._view = self._slots.data


class IdAssigner:
    """Gives each example of one pass its final id."""

    def __init__(self) -> None:
        self._seen = HashSet()
        self._copies: dict[str, int] = {}

    def take(self, own: str) -> bool:
        """Use an own id; False if its hash was used before."""
        return self._seen.add(hash64(own))

    def name(self, content: str) -> str:
        """The id of a record without one: its content id, numbered from the second copy on."""
        if self._seen.add(hash64(content)):
            return content
        copy = self._copies.get(content, 1) + 1
        while not self._seen.add(hash64(f"{content}-{copy}")):
            copy += 1
        self._copies[content] = copy
        return f"{content}-{copy}"
