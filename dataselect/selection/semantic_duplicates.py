"""Rows whose embedding is nearly that of a row that ranks higher: the filter of Deita, and which row shadowed which."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dataselect.strategies.greedy_cosine import greedy_distinct

_ROWS = 1024
"""Rows per product."""


def semantic_duplicates(vectors: NDArray[np.float32], threshold: float) -> dict[int, int]:
    """Places with a cosine over the threshold to a place before them which is kept.

    Args:
        vectors: (n_ranked, d) unit vectors, best first.

    Returns:
        place -> the kept place before it that is nearest; of equals the first.
    """
    places = np.arange(len(vectors))
    kept = greedy_distinct(vectors, places, threshold)
    dropped = np.setdiff1d(places, kept, assume_unique=True)
    close = np.ascontiguousarray(vectors[kept])
    shadows: dict[int, int] = {}
    for start in range(0, len(dropped), _ROWS):
        part = dropped[start : start + _ROWS]
        cosines = vectors[part] @ close.T
        cosines[kept[None, :] > part[:, None]] = -2.0  # comes later
        shadows |= dict(zip(part.tolist(), kept[cosines.argmax(axis=1)].tolist(), strict=True))
    return shadows
