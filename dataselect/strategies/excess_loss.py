"""Highest excess loss first: what the model to be trained finds hard and a reference model finds easy.

Rule: mean over the response tokens of the loss under the scored model minus the loss under a reference model,
descending. Where that is high there is something to learn that can be learned; noise is hard for both. Paper: RHO-1
(Lin et al. 2024, arXiv 2404.07965), after RHO-LOSS (Mindermann et al. 2022, arXiv 2206.07137), where the reference was
trained on curated data of the purpose; this is the version for whole samples. Direction: high. Nesting: yes. Left out:
RHO-1's own rule, which masks single tokens inside the training loss, and the training of the reference. The difference
is taken over the same tokens, so rows that the two models tokenise differently have none and are not ranked.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from dataselect.records import Ranking
from dataselect.strategies.contract import Candidates, Needs
from dataselect.strategies.ordering import directed


@dataclass(frozen=True, slots=True)
class ExcessLoss:
    """Descending excess loss, in nats per token.

    Attributes:
        reference: Name of the reference model in the scoring run; empty: the mean over all further models, which is
            the reference itself where there is one.
    """

    summary: ClassVar[str] = "highest loss in excess of a reference model's first (reference=NAME)"
    paper: ClassVar[str] = "arXiv 2404.07965, 2206.07137"
    nests: ClassVar[bool] = True
    by_score: ClassVar[bool] = True

    reference: str = ""

    @property
    def column(self) -> str:
        """`excess_loss`, or that against the named reference."""
        return f"excess_loss.{self.reference}" if self.reference else "excess_loss"

    @property
    def needs(self) -> Needs:
        """The excess loss against the chosen reference."""
        return Needs(columns=(self.column,))

    def rank(self, candidates: Candidates, rng: np.random.Generator) -> Ranking:
        """Order by excess loss; the score is the excess loss."""
        return directed(candidates.columns[self.column], "high")
