"""Share of shifted tokens: how often the response leaves what the base model would say.

Rule: share of response tokens that are not among the three likeliest next tokens (column `shifted_fraction`), ordered
in the chosen direction. Paper: URIAL (Lin et al. 2023, arXiv 2312.01552) calls a token shifted if its rank under the
base model is over 3, and counts them in the *answers of an aligned model*; here the response is the one in the data. No
paper selects by it. Beside perplexity it tells few very surprising tokens from a response that is unusual throughout.
Direction: an option, low by default, the side of `ppl-low`. Nesting: yes; a share of few tokens takes few values, so
that short responses tie often, and ties are by id. Left out: the KL divergence of the paper, which needs two models.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from dataselect.records import Ranking
from dataselect.strategies.contract import Candidates, Needs
from dataselect.strategies.ordering import Direction, directed


@dataclass(frozen=True, slots=True)
class ShiftedFraction:
    """Share of response tokens of rank over 3, in one direction.

    Attributes:
        direction: Which end comes first.
    """

    summary: ClassVar[str] = "share of response tokens outside the model's top 3; lowest first by default"
    paper: ClassVar[str] = "arXiv 2312.01552"
    nests: ClassVar[bool] = True
    by_score: ClassVar[bool] = True
    needs: ClassVar[Needs] = Needs(columns=("shifted_fraction",))

    direction: Direction = "low"

    def rank(self, candidates: Candidates, rng: np.random.Generator) -> Ranking:
        """Order by the share; the score is the share, or its distance from the middle."""
        return directed(candidates.columns["shifted_fraction"], self.direction)
