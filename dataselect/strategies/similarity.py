"""Most similar to the target set first: the embedding baseline.

Rule: mean cosine to the nearest targets (column `similarity` of `dataselect embed --target`), descending. Paper: the
baseline of Harada et al. 2025 (arXiv 2506.14681); Ivison et al. 2025 (arXiv 2503.01807) study better relatives of it.
Direction: high. Nesting: yes. The rule is a plain sort: it neither balances over targets nor avoids near-duplicates.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from dataselect.records import Ranking
from dataselect.strategies.contract import Candidates, Needs
from dataselect.strategies.ordering import ascending


@dataclass(frozen=True, slots=True)
class Similarity:
    """Descending similarity to the targets."""

    summary: ClassVar[str] = "most similar to the target set first"
    paper: ClassVar[str] = "arXiv 2506.14681"
    nests: ClassVar[bool] = True
    by_score: ClassVar[bool] = True
    needs: ClassVar[Needs] = Needs(columns=("similarity",))

    def rank(self, candidates: Candidates, rng: np.random.Generator) -> Ranking:
        """Order by similarity; the score is the similarity."""
        similarity = candidates.columns["similarity"]
        return ascending(-similarity, similarity)
