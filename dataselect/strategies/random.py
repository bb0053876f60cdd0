"""Random order: the control that every other strategy is measured against.

Rule: a seeded permutation of the candidates. Paper: none; the baseline of all of them, and a strong one (Xia et al.
2024, arXiv 2410.09335, find that nearly no method beats it at scale). Direction: none. Nesting: yes, a larger budget
continues the same permutation. Candidates are sorted by id before the draw, so that file order cannot matter; another
set of candidates gives another permutation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from dataselect.records import Ranking
from dataselect.strategies.contract import Candidates, Needs
from dataselect.strategies.ordering import unscored


@dataclass(frozen=True, slots=True)
class Random:
    """A seeded permutation of the candidates."""

    summary: ClassVar[str] = "a seeded random order; the control for everything"
    paper: ClassVar[str] = ""
    nests: ClassVar[bool] = True
    by_score: ClassVar[bool] = False
    needs: ClassVar[Needs] = Needs()

    def rank(self, candidates: Candidates, rng: np.random.Generator) -> Ranking:
        """Permute; no score."""
        return unscored(rng.permutation(len(candidates)))
