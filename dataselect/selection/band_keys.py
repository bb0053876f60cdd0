"""Candidates for near-duplicates, found with 24 numbers per row; only these are compared in full, as `select` does.

`near_duplicates` keeps a MinHash signature and an index entry of about 4 KB for every row. Most rows of a pool
resemble no other, and less is enough to know it: each row leaves 24 band keys, each a hash of the minima of its word
5-grams under 4 of 96 random functions (Broder 1997). Two rows of Jaccard similarity J share no key with probability
(1 - J^4)^24, which is 3e-6 at J = 0.8; a row that shares none with any other has no near-duplicate. A row
that shares one goes on to the exact comparison, so the same rule decides as in `select`.
"""

from __future__ import annotations

import zlib
from array import array
from collections.abc import Collection, Iterator

import numpy as np
from numpy.typing import NDArray

BANDS, BAND_SIZE = 24, 4
LEAST = 0.8
"""Jaccard similarity from which on a pair is practically never overlooked."""

_RNG = np.random.default_rng(20_260_101)
_FACTORS = _RNG.integers(1, 2**63, BANDS * BAND_SIZE, dtype=np.uint64) * np.uint64(2) + np.uint64(1)
_MIX = _RNG.integers(1, 2**63, BAND_SIZE, dtype=np.uint64) * np.uint64(2) + np.uint64(1)
_SHIFT = np.uint64(32)


class BandKeys:
    """The band keys of rows, 96 bytes each."""

    def __init__(self) -> None:
        self._keys = array("I")

    def add(self, shingles: Collection[str]) -> None:
        """Put in the next row; one without shingles shares its keys with no other."""
        if not shingles:
            self._keys.extend([0] * BANDS)
            return
        hashes = np.array([zlib.crc32(one.encode("utf-8", "surrogatepass")) for one in shingles], np.uint64)
        hashes += np.uint64(1)
        minima = ((hashes[:, None] * _FACTORS[None, :]) >> _SHIFT).min(axis=0).reshape(BANDS, BAND_SIZE)
        keys = ((minima * _MIX).sum(axis=1, dtype=np.uint64) >> _SHIFT) | np.uint64(1)
        self._keys.frombytes(keys.astype(np.uint32).tobytes())

    def sharing(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Those of the rows that share a key with another one of them, in the same order."""
        keys = np.frombuffer(self._keys, np.uint32).reshape(-1, BANDS)
        shares = np.zeros(len(rows), bool)
        for band in range(BANDS):
            column = keys[rows, band]
            _, place, counts = np.unique(column, return_inverse=True, return_counts=True)
            shares |= (counts[place] > 1) & (column > 0)
        found: NDArray[np.int64] = rows[shares]
        return found

    def buckets(self) -> Iterator[list[int]]:
        """Rows that share a key, two or more at a time; rows that share several come several times."""
        keys = np.frombuffer(self._keys, np.uint32).reshape(-1, BANDS)
        for band in range(BANDS):
            order = np.argsort(keys[:, band], kind="stable")
            starts = np.flatnonzero(np.diff(keys[order, band])) + 1
            for rows in np.split(order, starts):
                if len(rows) > 1 and keys[rows[0], band]:
                    yield rows.tolist()
