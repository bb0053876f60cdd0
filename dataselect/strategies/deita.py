"""Best scores first, but nothing that resembles what is kept already.

Rule: order by complexity times quality, descending; take the first; then keep each next row if its largest cosine to
everything kept is at most `threshold`. Paper: Deita (Liu et al. 2023, arXiv 2312.15685), whose code calls the cosine a
distance; with its batch size of 1, since larger ones there also reject rows that resemble rejected ones. Direction:
high. Nesting: yes. What is rejected is not ranked.

Complexity and quality are columns that a judge or `dataselect score --rating` made. Of a dialogue the latter gives the
means over its exchanges, while Deita adds up the products: that is `score=complexity_quality`. With `score=COLUMN` any
number takes their place.
Embeddings are those that are given: Deita's own are a language model's last hidden state at the last token.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from dataselect.records import Ranking
from dataselect.strategies.contract import Candidates, Needs
from dataselect.strategies.cosine import greedy_distinct
from dataselect.strategies.ordering import directed


@dataclass(frozen=True, slots=True)
class Deita:
    """Descending complexity times quality, without near neighbours of what is kept.

    Attributes:
        score: A column to order by; empty for the product of `complexity` and `quality`.
        direction: Which end of `score` comes first.
        complexity: Column of the complexity.
        quality: Column of the quality.
        threshold: Largest cosine to a row that is kept.
    """

    summary: ClassVar[str] = "complexity times quality, skipping what is within cosine 0.9 of a kept row"
    paper: ClassVar[str] = "arXiv 2312.15685"
    nests: ClassVar[bool] = True
    by_score: ClassVar[bool] = False

    score: str = ""
    direction: Literal["high", "low"] = "high"
    complexity: str = "complexity"
    quality: str = "quality"
    threshold: float = 0.9

    def __post_init__(self) -> None:
        if not -1.0 <= self.threshold <= 1.0:
            raise ValueError(f"threshold: expected a cosine, got {self.threshold}")

    @property
    def needs(self) -> Needs:
        """The columns, and embeddings."""
        return Needs(columns=(self.score,) if self.score else (self.complexity, self.quality), vectors=True)

    def rank(self, candidates: Candidates, rng: np.random.Generator) -> Ranking:
        """Filter greedily; the score is the one ordered by."""
        assert candidates.vectors is not None
        if self.score:
            values = candidates.columns[self.score]
        else:
            values = candidates.columns[self.complexity] * candidates.columns[self.quality]
        best_first = directed(values, self.direction).order
        order = greedy_distinct(candidates.vectors, best_first, self.threshold, candidates.limit)
        complete = candidates.limit is None or len(order) < candidates.limit
        return Ranking(order, values[order].astype(np.float64), complete)
