"""How much better the chosen reply of a pair is than the rejected one: by the record's own ratings, or by likelihood.

Rule: the margin, highest first by default. `of=rating` takes it from the record (column `rating_margin`: a judge's or
a reward model's rating of the chosen reply minus that of the rejected one). `of=likelihood` is what the scored model
itself prefers before any training: mean log-probability per token of the chosen reply minus that of the rejected one,
the reward of SimPO (Meng et al. 2024, arXiv 2405.14734) without its factor. Nesting: yes.

Direction: an option. A large margin is a clear and often an easy pair; a small one is hard, or wrongly labelled: with
`low` the pairs come first that contradict their label. Ratings in whole numbers tie often, and ties are by id. Left
out: ratings by a model, which `column` ranks by from a file.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from dataselect.records import Ranking
from dataselect.strategies.contract import Candidates, Needs
from dataselect.strategies.ordering import Direction, directed

_LIKELIHOOD = ("response_nll", "response_tokens", "rejected_response_nll", "rejected_response_tokens")


@dataclass(frozen=True, slots=True)
class PairMargin:
    """One margin, in one direction.

    Attributes:
        of: Of the record's ratings, in their unit, or of likelihood, in nats per token.
        direction: Which end comes first.
    """

    summary: ClassVar[str] = "pairs: how much better the chosen reply is (of=rating|likelihood); highest first"
    paper: ClassVar[str] = "arXiv 2405.14734 (likelihood)"
    nests: ClassVar[bool] = True
    by_score: ClassVar[bool] = True

    of: Literal["rating", "likelihood"] = "rating"
    direction: Direction = "high"

    @property
    def needs(self) -> Needs:
        """The margin of the ratings, or the likelihoods of both replies."""
        return Needs(columns=("rating_margin",) if self.of == "rating" else _LIKELIHOOD)

    def rank(self, candidates: Candidates, rng: np.random.Generator) -> Ranking:
        """Order by margin; the score is the margin, or its distance from the middle."""
        if self.of == "rating":
            return directed(candidates.columns["rating_margin"], self.direction)
        nll, tokens, rejected_nll, rejected_tokens = (candidates.columns[name] for name in _LIKELIHOOD)
        return directed(rejected_nll / rejected_tokens - nll / tokens, self.direction)
