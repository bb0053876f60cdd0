"""The most likely of several responses to one instruction: the one that fits the model to be trained.

Rule: group the candidates by their prompt, character by character; of each group keep the response with the highest
mean log-probability per token; order those by it, highest first. Paper: GRAPE (Zhang et al. 2025, arXiv 2502.04194),
where the responses come from several sources and the likelihood is that of the base model. Direction: high. Nesting:
yes. The other responses of a group are not ranked, nor is plain text, which answers no prompt; of equally likely
responses the lowest id stays. Left out: gathering responses. The paper trains on one response for every instruction, a
budget of 100%: the order among instructions is ours, and a smaller budget is `ppl-low` among the kept. Where every
prompt occurs once, as in most pools, this is `ppl-low`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from dataselect.records import Ranking
from dataselect.strategies.contract import Candidates, Needs
from dataselect.strategies.ordering import directed


@dataclass(frozen=True, slots=True)
class Grape:
    """Descending mean log-probability of the best response to each prompt."""

    summary: ClassVar[str] = "the most likely response to each prompt; the others are dropped"
    paper: ClassVar[str] = "arXiv 2502.04194"
    nests: ClassVar[bool] = True
    by_score: ClassVar[bool] = True
    needs: ClassVar[Needs] = Needs(columns=("response_nll", "response_tokens"), texts=True)

    def rank(self, candidates: Candidates, rng: np.random.Generator) -> Ranking:
        """Order the best of each prompt; the score is the mean log-probability in nats per token."""
        with np.errstate(divide="ignore", invalid="ignore"):  # what no token was scored for is not finite, not ranked
            likelihood = -candidates.columns["response_nll"] / candidates.columns["response_tokens"]
        kept = best_of_each([text.prompt for text in candidates.texts], likelihood)
        return directed(np.where(kept, likelihood, np.nan), "high")


def best_of_each(groups: list[str], values: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Mark the rows with the highest value of their group.

    Args:
        groups: (n,) the group of each row; a row whose group has no name is in none.
        values: (n,); rows that are not finite are never the best.

    Returns:
        (n,) True for one row of each group that has a value: of equals the first.
    """
    best: dict[str, int] = {}
    for row in np.flatnonzero(np.isfinite(values)).tolist():
        if groups[row] and values[row] > values[best.setdefault(groups[row], row)]:
            best[groups[row]] = row
    kept = np.zeros(len(values), bool)
    kept[list(best.values())] = True
    return kept
