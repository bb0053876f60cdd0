"""Lowest perplexity first: what the base model already finds likely.

Rule: perplexity, ascending. Paper: Harada et al. 2025 (arXiv 2506.14681) find that data *sets* of lower perplexity
under the base model help more; choosing *examples* inside one pool this way is another claim, which this strategy
exists to test. The text available to us does not say over which tokens theirs is, so the scope is an option. Direction:
low. Nesting: yes. Repetitive responses have low perplexity too, and length moves it; compare with `random` and
`length-matched-random`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from dataselect.records import Ranking
from dataselect.strategies.contract import Candidates, Needs
from dataselect.strategies.direction import directed
from dataselect.strategies.scope import PERPLEXITY, Scope


@dataclass(frozen=True, slots=True)
class PplLow:
    """Ascending perplexity.

    Attributes:
        scope: Of the response given the prompt (column `ppl`) or of the whole sequence (`sequence_ppl`).
    """

    summary: ClassVar[str] = "lowest perplexity first: what the model finds likely"
    paper: ClassVar[str] = "arXiv 2506.14681"
    nests: ClassVar[bool] = True
    by_score: ClassVar[bool] = True

    scope: Scope = "response"

    @property
    def needs(self) -> Needs:
        """The perplexity of the chosen scope."""
        return Needs(columns=(PERPLEXITY[self.scope],))

    def rank(self, candidates: Candidates, rng: np.random.Generator) -> Ranking:
        """Order by perplexity; the score is the perplexity."""
        return directed(candidates.columns[PERPLEXITY[self.scope]], "low")
