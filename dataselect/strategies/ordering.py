"""Order candidates by one number: ascending, ties by id, what is not finite left out.

Every deterministic strategy ends here; direction is the caller's (negate for descending), so that there is one rule for
ties and one for missing values.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dataselect.records import Ranking


def ascending(keys: NDArray[np.float64], scores: NDArray[np.float64]) -> Ranking:
    """Rank by `keys`, lowest first.

    Args:
        keys: (n,) in candidate order, which is id order; rows that are not finite are not ranked.
        scores: (n,) what is shown beside each row.
    """
    finite = np.flatnonzero(np.isfinite(keys))
    order = finite[np.argsort(keys[finite], kind="stable")].astype(np.int64)
    return Ranking(order, scores[order].astype(np.float64))


def unscored(order: NDArray[np.int64]) -> Ranking:
    """A ranking by a draw: there is no number behind a place, so every score is NaN."""
    return Ranking(order.astype(np.int64), np.full(len(order), np.nan))
