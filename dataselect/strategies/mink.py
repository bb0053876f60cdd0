"""Min-K%: how likely the least likely tokens of the response are.

Rule: mean log-probability of the least likely 20 % of the response tokens (column `mink_20`), ordered in the chosen
direction. Paper: Shi et al. 2023 (arXiv 2310.16789) detect text that a model was trained on by it, without any hard
token; it is theirs as a detector, and no paper selects SFT data by it. Direction: an option, high by default: rows
without a hard token first, the side of `ppl-low`; `direction=low` puts first what holds the most surprising tokens,
typing errors and wrong labels included, and avoids what the model may know by heart. Nesting: yes. Left out: other
shares than 20 %, which need the tokens, and the normalised variant Min-K%++.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from dataselect.records import Ranking
from dataselect.strategies.contract import Candidates, Needs
from dataselect.strategies.ordering import Direction, directed


@dataclass(frozen=True, slots=True)
class MinK:
    """Mean log-probability of the least likely fifth of the response tokens, in one direction.

    Attributes:
        direction: Which end comes first.
    """

    summary: ClassVar[str] = "mean log-probability of the least likely 20 % of tokens; highest first by default"
    paper: ClassVar[str] = "arXiv 2310.16789"
    nests: ClassVar[bool] = True
    by_score: ClassVar[bool] = True
    needs: ClassVar[Needs] = Needs(columns=("mink_20",))

    direction: Direction = "high"

    def rank(self, candidates: Candidates, rng: np.random.Generator) -> Ranking:
        """Order by Min-20%; the score is that number, or its distance from the middle."""
        return directed(candidates.columns["mink_20"], self.direction)
