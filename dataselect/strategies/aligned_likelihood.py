"""Highest likelihood under aligned models first: responses that well-tuned models would give themselves.

Rule: mean over the further models of a scoring run of their mean response log-probability per token (column
`aligned_likelihood`), descending. Each model counts its own tokens and uses its own template. Paper: PoFT (Fan et al.
2024, arXiv 2412.12865), there with three chat models; as a filter it keeps the highest share. Direction: high. Nesting:
yes. Left out: PoFT itself, which weighs each example during training; its weight stands beside this column in the score
table as `poft_weight`. Short and formulaic responses are likely under any model; compare with `length-matched-random`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from dataselect.records import Ranking
from dataselect.strategies.contract import Candidates, Needs
from dataselect.strategies.ordering import directed


@dataclass(frozen=True, slots=True)
class AlignedLikelihood:
    """Descending mean log-probability under aligned models, in nats per token."""

    summary: ClassVar[str] = "most likely under the further models of a scoring run first"
    paper: ClassVar[str] = "arXiv 2412.12865"
    nests: ClassVar[bool] = True
    by_score: ClassVar[bool] = True
    needs: ClassVar[Needs] = Needs(columns=("aligned_likelihood",))

    def rank(self, candidates: Candidates, rng: np.random.Generator) -> Ranking:
        """Order by likelihood; the score is the mean log-probability."""
        return directed(candidates.columns["aligned_likelihood"], "high")
