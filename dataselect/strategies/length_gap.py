"""Pairs whose replies have about the same length first: those from which length cannot be learned in place of quality.

Rule: response tokens of the chosen reply minus those of the rejected one, the smallest absolute difference first
(`balanced`), or the largest (`longer`) or smallest (`shorter`) difference. Nesting: yes. Paper: none has this rule;
that judges and preference-trained models favour length is shown by Singhal et al. 2023 (arXiv 2310.03716) and Park et
al. 2024 (arXiv 2403.19159). Direction: an option; `longer` exists to measure what length alone teaches. Tokens are
those of the scored model. A reply that `score --truncate` cut counts as what is left of it, and two cut ones look
equally long: score without it. Left out: the length relative to the replies, under which long replies may differ by
more.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from dataselect.records import Ranking
from dataselect.strategies.contract import Candidates, Needs
from dataselect.strategies.ordering import ascending


@dataclass(frozen=True, slots=True)
class LengthGap:
    """The difference in length, nearest to zero first or from one end.

    Attributes:
        first: Pairs of equal length, those whose chosen reply is longer by most, or shorter by most.
    """

    summary: ClassVar[str] = "pairs: replies of about equal length first (first=balanced|longer|shorter)"
    paper: ClassVar[str] = "after arXiv 2310.03716, 2403.19159"
    nests: ClassVar[bool] = True
    by_score: ClassVar[bool] = True
    needs: ClassVar[Needs] = Needs(columns=("response_tokens", "rejected_response_tokens"))

    first: Literal["balanced", "longer", "shorter"] = "balanced"

    def rank(self, candidates: Candidates, rng: np.random.Generator) -> Ranking:
        """Order by the difference; the score is the difference in tokens, absolute where balanced."""
        gap = candidates.columns["response_tokens"] - candidates.columns["rejected_response_tokens"]
        if self.first == "balanced":
            return ascending(np.abs(gap), np.abs(gap))
        return ascending(-gap if self.first == "longer" else gap, gap)
