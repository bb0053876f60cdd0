"""Longest responses first: cheap, stable, and the control that explains much of IFD.

Rule: response length, descending. Paper: Zhao et al. 2024, "Long Is More for Alignment" (arXiv 2402.04833), which keeps
the 1,000 longest responses in tokens. Direction: high. Nesting: yes. Length is response tokens where a score table is
given and UTF-8 bytes of the response otherwise, so that this control needs nothing but the pool.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from dataselect.records import Ranking
from dataselect.strategies.contract import LENGTH, Candidates, Needs
from dataselect.strategies.ordering import ascending


@dataclass(frozen=True, slots=True)
class Longest:
    """Descending response length."""

    summary: ClassVar[str] = "longest responses first: response tokens with --scores, else UTF-8 bytes"
    paper: ClassVar[str] = "arXiv 2402.04833"
    nests: ClassVar[bool] = True
    by_score: ClassVar[bool] = True
    needs: ClassVar[Needs] = Needs(length=True)

    def rank(self, candidates: Candidates, rng: np.random.Generator) -> Ranking:
        """Order by length; the score is the length."""
        length = candidates.columns[LENGTH]
        return ascending(-length, length)
