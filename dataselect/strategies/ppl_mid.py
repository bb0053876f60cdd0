"""Perplexity nearest the middle of the pool first: neither too easy nor too odd.

Rule: rank all candidates by perplexity (equal values share their mean rank) and order them by the distance of that rank
from the median rank, nearest first. Paper: Marion et al. 2023 (arXiv 2309.04564), where the middle does best for
pretraining data, and Ankner et al. 2024 (arXiv 2405.20541). Direction: middle. Nesting: yes, a larger budget widens the
window on both sides. Ranks and not perplexities: the distribution is skewed, so a distance in perplexity would take
nearly all of its window from the low side. Other codes keep a fixed window that starts at the 33rd percentile; that
window is not centred and does not nest, so it is not this one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from dataselect.records import Ranking
from dataselect.strategies.contract import Candidates, Needs
from dataselect.strategies.ordering import ascending


@dataclass(frozen=True, slots=True)
class PplMid:
    """Ascending distance from the median rank of perplexity."""

    summary: ClassVar[str] = "perplexity nearest the pool's median first"
    paper: ClassVar[str] = "arXiv 2309.04564, 2405.20541"
    nests: ClassVar[bool] = True
    needs: ClassVar[Needs] = Needs(columns=("ppl",))

    def rank(self, candidates: Candidates, rng: np.random.Generator) -> Ranking:
        """Order by distance; the score is the distance, in ranks."""
        distance = median_distance(candidates.columns["ppl"])
        return ascending(distance, distance)


def median_distance(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Distance of each value's rank from the median rank.

    Args:
        values: (n,), NaN where there is no value.

    Returns:
        (n,) in ranks, a multiple of 0.5; NaN where there is no value.
    """
    finite = values[np.isfinite(values)]
    _, inverse, counts = np.unique(finite, return_inverse=True, return_counts=True)
    mean_rank = np.cumsum(counts) - (counts + 1) / 2  # from 0; equal values share the mean of their ranks
    distance = np.full(len(values), np.nan)
    distance[np.isfinite(values)] = np.abs(mean_rank[inverse] - (len(finite) - 1) / 2)
    return distance
