"""Largest combined margin first: pairs on whose order the record's ratings and a tuned model agree most clearly.

Rule: each margin, that of the ratings (column `rating_margin`) and that of the implicit rewards (`implicit-gap`), is
divided by its root mean square over the candidates and read as the log odds that the chosen reply is the better one;
independent opinions multiply their odds, so that the combined log odds are the sum, descending. Paper: Deng et al.
2025 (arXiv 2502.14560), of which only the abstract was read: margins from several sources, external and implicit,
become one probability of preference by Bayesian aggregation, and the largest are kept. How a margin becomes a
probability is our reading, so do not call it theirs. Direction: high. `implicit-gap` gives the opposite advice.
Nesting: yes. The unit of each margin depends on the candidates: a filter can change the order.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from dataselect.records import Ranking
from dataselect.strategies.contract import Candidates, Needs
from dataselect.strategies.implicit_gap import check_tuned, gap_columns, implicit_gap
from dataselect.strategies.ordering import directed


@dataclass(frozen=True, slots=True)
class CombinedMargin:
    """Descending sum of the two margins in their own units.

    Attributes:
        tuned: Name of the preference-tuned model in the scoring run, whose first model is the reference.
    """

    summary: ClassVar[str] = "pairs: largest margin of ratings and implicit rewards together first (tuned=NAME)"
    paper: ClassVar[str] = "after arXiv 2502.14560"
    nests: ClassVar[bool] = True
    by_score: ClassVar[bool] = True

    tuned: str

    def __post_init__(self) -> None:
        check_tuned(self.tuned)

    @property
    def needs(self) -> Needs:
        """The margin of the ratings, and the log-likelihood ratios of both replies."""
        return Needs(columns=("rating_margin", *gap_columns(self.tuned)))

    def rank(self, candidates: Candidates, rng: np.random.Generator) -> Ranking:
        """Order by the combined log odds, which are the score."""
        rated, implicit = candidates.columns["rating_margin"], implicit_gap(candidates, self.tuned)
        known = np.isfinite(rated) & np.isfinite(implicit)
        return directed(_in_own_unit(rated, known) + _in_own_unit(implicit, known), "high")


def _in_own_unit(margin: NDArray[np.float64], known: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Divide by the root mean square of the known values, so that zero stays zero; all zeros stay as they are."""
    square = float(np.mean(margin[known] ** 2)) if known.any() else 0.0
    return margin / np.sqrt(square) if square > 0 else margin
