"""The whole pool in id order: the control that says what selecting cost or gained.

Rule: every candidate, by id. Paper: none. Direction: none. Nesting: yes. Use it with a budget of 100%; any smaller one
is an arbitrary cut, for which `random` is the honest choice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from dataselect.records import Ranking
from dataselect.strategies.contract import Candidates, Needs
from dataselect.strategies.ordering import unscored


@dataclass(frozen=True, slots=True)
class Full:
    """Every candidate, by id."""

    summary: ClassVar[str] = "the whole pool, by id; for a budget of 100%"
    paper: ClassVar[str] = ""
    nests: ClassVar[bool] = True
    by_score: ClassVar[bool] = False
    needs: ClassVar[Needs] = Needs()

    def rank(self, candidates: Candidates, rng: np.random.Generator) -> Ranking:
        """Order by id; no score."""
        return unscored(np.arange(len(candidates)))
