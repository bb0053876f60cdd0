"""Smallest implicit reward gap first: pairs that a preference-tuned model tells apart least.

Rule: beta * ((log p_tuned - log p)(chosen) - (log p_tuned - log p)(rejected)), ascending, with p the scored model as
the reference and `tuned` a further model of the scoring run. That is the margin of DPO's implicit reward (Rafailov et
al. 2023, arXiv 2305.18290). Paper: arXiv 2508.04149, of which only the abstract was read: pairs with a small gap are
the hard ones. Direction: low; a negative gap, where the tuned model prefers the rejected reply, comes first, and
wrongly labelled pairs among them. `combined-margin` gives the opposite advice. Nesting: yes. Sums over tokens are not
divided by length, as in DPO, so long replies have gaps further from zero. Left out: training of the tuned model.
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
class ImplicitGap:
    """Ascending gap between the implicit rewards of both replies, in nats times beta.

    Attributes:
        tuned: Name of the preference-tuned model in the scoring run, whose first model is the reference.
        beta: DPO's beta: it changes the score and not the order.
    """

    summary: ClassVar[str] = "pairs: smallest gap between DPO's implicit rewards of the replies first (tuned=NAME)"
    paper: ClassVar[str] = "arXiv 2508.04149"
    nests: ClassVar[bool] = True
    by_score: ClassVar[bool] = True

    tuned: str
    beta: float = 0.1

    def __post_init__(self) -> None:
        check_tuned(self.tuned)
        if not 0 < self.beta < np.inf:
            raise ValueError(f"beta: expected a number above 0, got {self.beta}")

    @property
    def needs(self) -> Needs:
        """The log-likelihood ratios of both replies."""
        return Needs(columns=gap_columns(self.tuned))

    def rank(self, candidates: Candidates, rng: np.random.Generator) -> Ranking:
        """Order by the gap, which is the score."""
        return directed(self.beta * implicit_gap(candidates, self.tuned), "low")


def check_tuned(tuned: str) -> None:
    """Refuse an empty name of the tuned model.

    Raises:
        ValueError: If there is none.
    """
    if not tuned:
        raise ValueError("tuned: expected the name of a further model of the scoring run, got nothing")


def gap_columns(tuned: str) -> tuple[str, str]:
    """Return the columns with log p_tuned - log p of the chosen and of the rejected reply."""
    return f"nll_difference.{tuned}", f"rejected_nll_difference.{tuned}"


def implicit_gap(candidates: Candidates, tuned: str) -> NDArray[np.float64]:
    """Return the gap without beta, in nats.

    Returns:
        (n,) NaN where a reply has no number.
    """
    chosen, rejected = (candidates.columns[name] for name in gap_columns(tuned))
    gap: NDArray[np.float64] = chosen - rejected
    return gap
