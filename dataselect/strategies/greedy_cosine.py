"""Keep a vector only if it is not too similar to any that was kept before: the filter behind Deita.

The published loop compares one candidate after the other with everything kept. Here a block of candidates is compared
with everything kept in one product, and only the pairs inside the block are left to look at one by one; the decisions
are the same. A cosine within 1e-5 of the threshold is computed again in double precision, so that no decision depends
on block size, threads or the order in which a product was summed.

Cost: O(n * kept * d) in large products, 4 * kept * d bytes for what is kept.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

BLOCK = 1024
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
    for start in range(0, len(order), BLOCK):
        part = order[start : start + BLOCK]
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
    shadowed = np.zeros(len(block), bool)
    kept = []
    for place in range(len(block)):
        if not shadowed[place]:
            kept.append(place)
            shadowed |= over[place]
    return kept


def _over(a: NDArray[np.float32], b: NDArray[np.float32], threshold: float) -> NDArray[np.bool_]:
    """(len(a), len(b)) whether the cosine is over the threshold, as double precision has it."""
    cosines = a @ b.T
    over: NDArray[np.bool_] = cosines > threshold
    left, right = np.nonzero(np.abs(cosines - threshold) < _NEAR)
    if len(left):
        over[left, right] = np.einsum("ij,ij->i", a[left].astype(np.float64), b[right].astype(np.float64)) > threshold
    return over
