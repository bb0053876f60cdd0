"""Perplexity nearest the middle of the pool first: neither too easy nor too odd.

Rule: rank all candidates by perplexity (equal values share their mean rank) and order them by the distance of that rank
from the median rank, nearest first. Paper: Marion et al. 2023 (arXiv 2309.04564), where the middle does best for
pretraining data, and Ankner et al. 2024 (arXiv 2405.20541); both take the perplexity of whole sequences
(`scope=sequence`). Direction: middle. Nesting: yes, a larger budget widens the window on both sides. Other codes keep a
fixed window that starts at the 33rd percentile; that window is not centred and does not nest, so it is not this one.
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
class PplMid:
    """Ascending distance from the median rank of perplexity.

    Attributes:
        scope: Of the response given the prompt (column `ppl`) or of the whole sequence (`sequence_ppl`).
    """

    summary: ClassVar[str] = "perplexity nearest the pool's median first"
    paper: ClassVar[str] = "arXiv 2309.04564, 2405.20541"
    nests: ClassVar[bool] = True
    by_score: ClassVar[bool] = True

    scope: Scope = "response"

    @property
    def needs(self) -> Needs:
        """The perplexity of the chosen scope."""
        return Needs(columns=(PERPLEXITY[self.scope],))

    def rank(self, candidates: Candidates, rng: np.random.Generator) -> Ranking:
        """Order by distance; the score is the distance, in ranks."""
        return directed(candidates.columns[PERPLEXITY[self.scope]], "mid")
