"""Random pairs with the lengths of another selection's pairs: what that selection is worth if only its lengths matter.

Rule: go through the matched selection in its rank order, again from the start where it ends; for each of its pairs
draw the not yet drawn candidate whose replies have the nearest lengths, by |log of the ratio of the chosen replies'
tokens| + |log of that of the rejected ones'|, at random among equally near ones. So the control follows the length of
the chosen reply, of the rejected one, and with them their difference, which preference models learn from. Paper:
none; see `length-gap`. As in `length-matched-random`, which follows the chosen reply only, a pair of the matched
selection itself is drawn only where no other is within a tenth in both lengths together, or nearer. Direction: none.
Nesting: yes.

Cost: O(n) per place, and only as many places as the budget may reach.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from dataselect.records import Ranking
from dataselect.strategies.contract import Candidates, Needs
from dataselect.strategies.length_matched_random import NEAR
from dataselect.strategies.ordering import one_by_one

_LENGTHS = ("response_tokens", "rejected_response_tokens")
_NEAR = 2 * float(np.log1p(NEAR))


@dataclass(frozen=True, slots=True)
class PairLengthMatchedRandom:
    """A seeded draw that follows both lengths of another selection's pairs.

    Attributes:
        match: The selection file to follow.
    """

    summary: ClassVar[str] = "pairs: random ones with both reply lengths of another selection (match=FILE.jsonl)"
    paper: ClassVar[str] = ""
    nests: ClassVar[bool] = True
    by_score: ClassVar[bool] = False

    match: str

    def __post_init__(self) -> None:
        if not self.match:
            raise ValueError("match: expected a selection file, got nothing")

    @property
    def needs(self) -> Needs:
        """Response tokens of both replies of the candidates, and the selection to match."""
        return Needs(columns=_LENGTHS, selection=Path(self.match))

    def rank(self, candidates: Candidates, rng: np.random.Generator) -> Ranking:
        """Draw all candidates that have both lengths; no score."""
        lengths = _logarithms(*(candidates.columns[name] for name in _LENGTHS))
        targets = _logarithms(candidates.match_lengths, candidates.match_rejected_lengths)
        matched = set(candidates.match_ids)
        inside = np.array([id_ in matched for id_ in candidates.ids], np.bool_)
        return one_by_one(((row, np.nan) for row in _draw(lengths, targets, inside, rng)), candidates)


def _logarithms(chosen: NDArray[np.float64], rejected: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return (n, 2) logarithms of two lengths; below 1 they count as 1, and NaN stays NaN."""
    logarithms: NDArray[np.float64] = np.log(np.maximum(np.stack([chosen, rejected], axis=1), 1.0))
    return logarithms


def _draw(
    lengths: NDArray[np.float64], targets: NDArray[np.float64], inside: NDArray[np.bool_], rng: np.random.Generator
) -> Iterator[int]:
    """Yield each row that has both lengths once.

    Args:
        lengths: (n, 2) logarithms; NaN where there is none.
        targets: (m, 2) logarithms of the lengths to follow.
        inside: (n,) whether a row is of the matched selection.
    """
    left = np.flatnonzero(np.isfinite(lengths).all(axis=1))
    place = 0
    while len(left):
        distance = np.abs(lengths[left] - targets[place % len(targets)]).sum(axis=1)
        others = np.where(inside[left], np.inf, distance)
        away = others.min()
        nearest = others if away <= max(_NEAR, distance.min()) and np.isfinite(away) else distance
        at = int(rng.choice(np.flatnonzero(nearest == nearest.min())))
        yield int(left[at])
        left = np.delete(left, at)
        place += 1
