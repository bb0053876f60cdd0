"""Nearest to the middle of the target set first: the cheapest use of a target.

Rule: cosine to the mean of the target vectors (column `centroid_similarity` of `dataselect embed --target`),
descending. Paper: none of its own; it is the plainest summary of a target set, and what RDS+ (Ivison et al. 2025, arXiv
2503.01807) improves on by keeping the single targets apart. Direction: high. Nesting: yes. Targets of several kinds
have a middle that resembles none of them; then `similarity` or `rds-plus` is the rule. Targets that cancel out have no
middle, and nothing can be ranked.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from dataselect.records import Ranking
from dataselect.strategies.contract import Candidates, Needs
from dataselect.strategies.ordering import ascending


@dataclass(frozen=True, slots=True)
class Centroid:
    """Descending cosine to the mean target."""

    summary: ClassVar[str] = "nearest to the mean of the target set first"
    paper: ClassVar[str] = ""
    nests: ClassVar[bool] = True
    by_score: ClassVar[bool] = True
    needs: ClassVar[Needs] = Needs(columns=("centroid_similarity",))

    def rank(self, candidates: Candidates, rng: np.random.Generator) -> Ranking:
        """Order by the cosine; the score is the cosine."""
        cosine = candidates.columns["centroid_similarity"]
        return ascending(-cosine, cosine)
