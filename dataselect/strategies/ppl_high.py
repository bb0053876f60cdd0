"""Highest perplexity first: what the base model finds surprising.

Rule: perplexity of the response given the prompt, descending. Paper: one of the three directions of Marion et al. 2023
(arXiv 2309.04564) and Ankner et al. 2024 (arXiv 2405.20541), where the best direction depends on the data. Direction:
high. Nesting: yes. Noise and wrong labels are surprising too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from dataselect.records import Ranking
from dataselect.strategies.contract import Candidates, Needs
from dataselect.strategies.ordering import ascending


@dataclass(frozen=True, slots=True)
class PplHigh:
    """Descending perplexity."""

    summary: ClassVar[str] = "highest perplexity first: what the model finds surprising"
    paper: ClassVar[str] = "arXiv 2309.04564, 2405.20541"
    nests: ClassVar[bool] = True
    needs: ClassVar[Needs] = Needs(columns=("ppl",))

    def rank(self, candidates: Candidates, rng: np.random.Generator) -> Ranking:
        """Order by perplexity; the score is the perplexity."""
        ppl = candidates.columns["ppl"]
        return ascending(-ppl, ppl)
