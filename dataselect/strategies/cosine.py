"""Cosines between unit vectors: of every candidate to some targets, and the greedy filter of near neighbours.

`cosine_rows` sums products in double precision and rounds them to float32. The order therefore does not depend on
threads, on blocks or on where a row stands: equal vectors have equal cosines, so that a tie is a tie and goes by id. In
memory is one block of float32 cosines; the candidates, perhaps a memory map, are read in chunks and never copied whole.

`greedy_distinct`, the filter behind Deita, keeps a vector only if it is not too similar to any kept before. The
published loop compares one candidate after the other with everything kept. Here a block of candidates is compared with
everything kept in one product, and only pairs inside the block are checked one by one; the decisions are the same. A
cosine within 1e-5 of the threshold is computed again in double precision, so that no decision depends on block size,
threads or the order of summation. Cost: O(n * kept * d) in large products, 4 * kept * d bytes for what is kept.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from dataselect.progress import counted

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


GREEDY_ROWS = 1024
"""Candidates per product: large enough for the product to be fast, small enough that few are computed in vain."""

_NEAR = 1e-5


def greedy_distinct(
    vectors: NDArray[np.float32], order: NDArray[np.int64], threshold: float, limit: int | None = None
) -> NDArray[np.int64]:
    """Go through `order` and keep what has a cosine of at most `threshold` to everything kept before it.

    Args:
        vectors: (n, d) unit vectors, perhaps a memory map.
        order: (m,) rows, best first.
        threshold: Largest cosine to a kept row; 1 keeps everything.
        limit: Stop when so many are kept; None for all.

    Returns:
        (n_kept,) the kept rows, in order.
    """
    most = len(order) if limit is None else min(limit, len(order))
    if threshold >= 1.0:
        return order[:most]
    kept = np.empty((most, vectors.shape[1]), np.float32)
    rows = np.empty(most, np.int64)
    count = 0
    for start in counted(
        range(0, len(order), GREEDY_ROWS), "compare", f"blocks of {GREEDY_ROWS:,} rows", -(-len(order) // GREEDY_ROWS)
    ):
        part = order[start : start + GREEDY_ROWS]
        block = np.ascontiguousarray(vectors[part], np.float32)
        clear = np.flatnonzero(~_resembles_any(block, kept[:count], threshold))
        for place in _first_of_each(block[clear], threshold):
            if count == most:
                return rows
            kept[count], rows[count] = block[clear[place]], part[clear[place]]
            count += 1
    return rows[:count]


def _resembles_any(block: NDArray[np.float32], kept: NDArray[np.float32], threshold: float) -> NDArray[np.bool_]:
    """(len(block),) whether a row's largest cosine to a kept row is over the threshold.

    Most are far from it, so that one pass over the product for its largest values decides them.
    """
    if not len(kept):
        return np.zeros(len(block), bool)
    cosines = block @ kept.T
    largest = cosines.max(axis=1)
    over: NDArray[np.bool_] = largest > threshold
    close = np.flatnonzero(np.abs(largest - threshold) < _NEAR)
    over[close] = _over(block[close], kept, threshold).any(axis=1)
    return over


def _first_of_each(block: NDArray[np.float32], threshold: float) -> list[int]:
    """Places of a block that are not over the threshold with an earlier kept place of it."""
    over = _over(block, block, threshold)
    blocked = np.zeros(len(block), bool)
    kept = []
    for place in range(len(block)):
        if not blocked[place]:
            kept.append(place)
            blocked |= over[place]
    return kept


def _over(a: NDArray[np.float32], b: NDArray[np.float32], threshold: float) -> NDArray[np.bool_]:
    """(len(a), len(b)) whether the cosine is over the threshold, as double precision has it."""
    cosines = a @ b.T
    over: NDArray[np.bool_] = cosines > threshold
    left, right = np.nonzero(np.abs(cosines - threshold) < _NEAR)
    if len(left):
        over[left, right] = np.einsum("ij,ij->i", a[left].astype(np.float64), b[right].astype(np.float64)) > threshold
    return over
