"""Any column of numbers: a score that something else made, such as a judge or a reward model.

Rule: the column `name`, ordered in the chosen direction. Paper: whichever made the numbers; AlpaGasus (Chen et al.
2023, arXiv 2307.08701) keeps what a judge rates highest. Direction: an option, high by default, since ratings are
mostly given so. Nesting: yes. Ratings in whole numbers tie often, and ties are by id, which is an arbitrary cut: prefer
a rating with decimals. Left out: fixed thresholds (AlpaGasus keeps 4.5 of 5 and more), which are a filter and not an
order.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from dataselect.records import Ranking
from dataselect.strategies.contract import Candidates, Needs
from dataselect.strategies.ordering import Direction, directed


@dataclass(frozen=True, slots=True)
class Column:
    """One named column, in one direction.

    Attributes:
        name: The column, in any of the tables given with --scores.
        direction: Which end comes first.
    """

    summary: ClassVar[str] = "any column of --scores, such as a judge's rating (name=COLUMN); highest first by default"
    paper: ClassVar[str] = "arXiv 2307.08701"
    nests: ClassVar[bool] = True
    by_score: ClassVar[bool] = True

    name: str
    direction: Direction = "high"

    def __post_init__(self) -> None:
        if not self.name:
            raise ValueError("name: expected the name of a column, got nothing")

    @property
    def needs(self) -> Needs:
        """The column."""
        return Needs(columns=(self.name,))

    def rank(self, candidates: Candidates, rng: np.random.Generator) -> Ranking:
        """Order by the column; the score is its value, or its distance from the middle."""
        return directed(candidates.columns[self.name], self.direction)
