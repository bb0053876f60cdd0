"""Rank-surprisal ratio: responses that surprise the model with tokens that it nearly expected.

Rule: sum over the response tokens of min(rank, 100) over the sum of their -log p (column `rsr`), ordered in the chosen
direction. Low where tokens are improbable and yet near the top of the model's list: new to it, and within its reach.
Paper: arXiv 2601.14249 (ACL 2026), for choosing between teachers' sets of reasoning traces; there a pool's value is the
ratio of the two sums (`dataselect rank`), and choosing rows inside one pool by it is a smaller part of its evidence.
Direction: an option, low by default, as in the paper. Nesting: yes. The clip is that of the scoring run
(`--rank-clip`); in the paper 50, 500 and none agree less with results than 100. Without its three teachers of short
traces the agreement falls from 0.85 to 0.71: length is part of it, so compare with `length-matched-random`. Left out:
other clips than that of the table, which `score --from-tokens DIR --rank-clip N` derives without the model.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from dataselect.records import Ranking
from dataselect.strategies.contract import Candidates, Needs
from dataselect.strategies.ordering import Direction, directed


@dataclass(frozen=True, slots=True)
class Rsr:
    """Rank-surprisal ratio of the response, in one direction.

    Attributes:
        direction: Which end comes first.
    """

    summary: ClassVar[str] = "clipped ranks over surprisals of the response tokens (RSR); lowest first by default"
    paper: ClassVar[str] = "arXiv 2601.14249"
    nests: ClassVar[bool] = True
    by_score: ClassVar[bool] = True
    needs: ClassVar[Needs] = Needs(columns=("rsr",))

    direction: Direction = "low"

    def rank(self, candidates: Candidates, rng: np.random.Generator) -> Ranking:
        """Order by the ratio; the score is the ratio, or its distance from the middle."""
        return directed(candidates.columns["rsr"], self.direction)
