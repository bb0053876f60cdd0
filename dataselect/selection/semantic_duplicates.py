"""Rows whose embedding is nearly that of a row that ranks higher: the filter of Deita, and which row shadowed which."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dataselect.strategies.greedy_cosine import greedy_distinct

_ROWS = 1024
"""Rows per product."""


def semantic_duplicates(vectors: NDArray[np.float32], order: NDArray[np.int64], threshold: float) -> dict[int, int]:
    """Places with a cosine over the threshold to a place before them which is kept.

    Args:
        vectors: (n, d) unit vectors, perhaps a memory map; never copied whole.
        order: (n_ranked,) rows of them, best first.

    Returns:
        place -> the kept place before it that is nearest; of equals the first.
    """
    kept = np.flatnonzero(np.isin(order, greedy_distinct(vectors, order, threshold)))
    dropped = np.setdiff1d(np.arange(len(order)), kept, assume_unique=True)
    close = np.ascontiguousarray(vectors[order[kept]]) if len(dropped) else vectors[:0]
    shadows: dict[int, int] = {}
    for start in range(0, len(dropped), _ROWS):
        part = dropped[start : start + _ROWS]
        cosines = vectors[order[part]] @ close.T
        cosines[kept[None, :] > part[:, None]] = -2.0  # comes later
        shadows |= dict(zip(part.tolist(), kept[cosines.argmax(axis=1)].tolist(), strict=True))
    return shadows
