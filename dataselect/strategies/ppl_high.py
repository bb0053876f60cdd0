"""Highest perplexity first: what the base model finds surprising.

Rule: perplexity, descending. Paper: one of the three directions of Marion et al. 2023 (arXiv 2309.04564) and Ankner et
al. 2024 (arXiv 2405.20541), where the best direction depends on the data; both take the perplexity of whole sequences
(`scope=sequence`). Direction: high. Nesting: yes. Noise and wrong labels are surprising too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from dataselect.records import Ranking
from dataselect.strategies.contract import Candidates, Needs
from dataselect.strategies.direction import directed
from dataselect.strategies.scope import PERPLEXITY, Scope


@dataclass(frozen=True, slots=True)
class PplHigh:
    """Descending perplexity.

    Attributes:
        scope: Of the response given the prompt (column `ppl`) or of the whole sequence (`sequence_ppl`).
    """

    summary: ClassVar[str] = "highest perplexity first: what the model finds surprising"
    paper: ClassVar[str] = "arXiv 2309.04564, 2405.20541"
    nests: ClassVar[bool] = True
    by_score: ClassVar[bool] = True

    scope: Scope = "response"

    @property
    def needs(self) -> Needs:
        """The perplexity of the chosen scope."""
        return Needs(columns=(PERPLEXITY[self.scope],))

    def rank(self, candidates: Candidates, rng: np.random.Generator) -> Ranking:
        """Order by perplexity; the score is the perplexity."""
        return directed(candidates.columns[PERPLEXITY[self.scope]], "high")
