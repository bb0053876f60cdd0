"""Cosines of every candidate to some targets, block by block, and the order of candidates that they give.

Products are summed in double precision and then rounded to float32. The order therefore does not depend on threads, on
blocks or on where a row stands: equal vectors have equal cosines, so that their tie is a tie and goes by id. What is in
memory is one block of float32 cosines; the candidates, perhaps a memory map, are read in chunks and never copied whole.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

ROWS = 4096
"""Candidates per product: 12 MiB in double precision at 384 dimensions, which stays near the processor."""

BLOCK_CELLS = 2**25
"""Cosines per block of targets: 128 MiB."""


def cosine_rows(
    targets: NDArray[np.float32], vectors: NDArray[np.float32], rows: NDArray[np.int64] | None = None
) -> Iterator[NDArray[np.float32]]:
    """The cosines of each target in turn to the candidates.

    Args:
        targets: (m, d) unit vectors.
        vectors: (n, d) unit vectors.
        rows: Which of the candidates; all where None.

    Yields:
        (n,) or (len(rows),) cosines, one array per target; no longer valid when the next is taken.
    """
    number = len(vectors) if rows is None else len(rows)
    size = max(1, BLOCK_CELLS // max(1, number))
    block = np.empty((min(size, len(targets)), number), np.float32)
    for first in range(0, len(targets), size):
        wide = targets[first : first + size].astype(np.float64)
        for start in range(0, number, ROWS):
            part = slice(start, start + ROWS)
            chunk = vectors[part] if rows is None else vectors[rows[part]]
            block[: len(wide), part] = wide @ chunk.astype(np.float64).T
        yield from block[: len(wide)]


def descending(values: NDArray[np.float32], most: int | None = None) -> NDArray[np.int64]:
    """Indices of the largest values first; equal values in index order.

    The bits of a float32, with those of negative numbers turned round, are an integer that is ordered like the number.
    With the index below it in one int64, one sort of whole numbers does it, several times faster than a stable
    argsort of floats, and finding only the first few needs no sort of the rest.

    Args:
        values: (n,) finite.
        most: Only so many indices; all where None.
    """
    bits = (values + np.float32(0)).view(np.int32)  # adding 0 makes one zero of the two
    ordered = bits ^ ((bits >> 31) & 0x7FFFFFFF)
    keys: NDArray[np.int64] = ((~ordered).astype(np.int64) << 32) | np.arange(len(values))
    if most is not None and most < len(keys):
        keys.partition(most - 1)
        keys = keys[:most]
    keys.sort()
    return keys & 0xFFFFFFFF
