"""Lowest perplexity first: what the base model already finds likely.

Rule: perplexity of the response given the prompt, ascending. Paper: Harada et al. 2025 (arXiv 2506.14681) find that
data *sets* of lower perplexity under the base model help more; choosing *examples* inside one pool this way is another
claim, which this strategy exists to test. Direction: low. Nesting: yes. Repetitive responses have low perplexity too,
and length moves it; compare with `random` and `length-matched-random`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from dataselect.records import Ranking
from dataselect.strategies.contract import Candidates, Needs
from dataselect.strategies.ordering import ascending


@dataclass(frozen=True, slots=True)
class PplLow:
    """Ascending perplexity."""

    summary: ClassVar[str] = "lowest perplexity first: what the model finds likely"
    paper: ClassVar[str] = "arXiv 2506.14681"
    nests: ClassVar[bool] = True
    needs: ClassVar[Needs] = Needs(columns=("ppl",))

    def rank(self, candidates: Candidates, rng: np.random.Generator) -> Ranking:
        """Order by perplexity; the score is the perplexity."""
        ppl = candidates.columns["ppl"]
        return ascending(ppl, ppl)
