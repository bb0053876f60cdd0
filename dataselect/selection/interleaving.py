"""Interleave groups of a ranking so that every prefix takes about the same share of each.

The j-th of the m rows of a group, from 0, comes at (j + 1/2) / m of the order. Rows that fall on the same spot stand as
they did. Groups are bins of length (`length_control`) or sources (`within_source`); shares that a user chooses are
quotas (`quota`).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from dataselect.records import Ranking


def interleaved(ranking: Ranking, group_of: NDArray[np.int64]) -> Ranking:
    """Interleave the groups of a ranking; inside a group its order stays, and scores stay.

    Args:
        group_of: (n_ranked,) the group of each row from 0, in the order of `ranking`.
    """
    by_group = np.argsort(group_of, kind="stable")
    sizes = np.bincount(group_of)
    place = np.arange(len(group_of)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    spot = (place + 0.5) / np.repeat(sizes, sizes)
    return taken(ranking, by_group[np.lexsort((by_group, spot))])


def taken(ranking: Ranking, places: NDArray[np.int64]) -> Ranking:
    """Return the rows at these places of a ranking, in their order."""
    return replace(ranking, order=ranking.order[places], scores=ranking.scores[places])
