"""Random rows with the lengths of another selection: what that selection would be worth if only its lengths mattered.

Rule: go through the matched selection in its rank order; for each of its rows draw, uniformly, one of the not yet drawn
candidates outside it whose response length in tokens is nearest to that row's (a nearest shorter and a nearest longer
length that are equally far count as one group). At the end of the matched rows begin again, until every candidate is
drawn. Paper: none; length explains much of what quality scores pick (arXiv 2402.04833, 2410.09335), so a gain over
`random` that this control shares is a gain of length. Direction: none. Nesting: yes, and every prefix follows the
lengths of the matched prefix.

A control that is the selection itself controls nothing. So a candidate outside the matched selection is drawn where one
is near enough, within a tenth of the length wanted; else the nearest of all is drawn, since a control of other lengths
would not control for length. How many rows the two have in common stands in the manifest (`overlap`).

Cost: O(n log n). Candidates are grouped by length; two union-find chains over the groups skip the emptied ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from dataselect.records import Ranking
from dataselect.strategies.contract import Candidates, Needs
from dataselect.strategies.ordering import unscored

NEAR = 0.1
"""Share of a length by which a candidate outside the matched selection may be shorter or longer and is still drawn."""


@dataclass(frozen=True, slots=True)
class LengthMatchedRandom:
    """A seeded draw that follows the lengths of another selection.

    Attributes:
        match: The selection file to follow.
    """

    summary: ClassVar[str] = "random rows with the response lengths of another selection (match=FILE.jsonl)"
    paper: ClassVar[str] = ""
    nests: ClassVar[bool] = True
    by_score: ClassVar[bool] = False

    match: str

    def __post_init__(self) -> None:
        if not self.match:
            raise ValueError("match: expected a selection file, got nothing")

    @property
    def needs(self) -> Needs:
        """Response tokens of the candidates, and the selection to match."""
        return Needs(columns=("response_tokens",), selection=Path(self.match))

    def rank(self, candidates: Candidates, rng: np.random.Generator) -> Ranking:
        """Draw all candidates that have a length; no score."""
        lengths = candidates.columns["response_tokens"]
        present = np.flatnonzero(np.isfinite(lengths))
        matched = set(candidates.match_ids)
        inside = np.array([candidates.ids[row] in matched for row in present.tolist()], np.bool_)
        drawn = draw_matching(lengths[present], candidates.match_lengths, rng, inside)
        return unscored(present[drawn])


def draw_matching(
    lengths: NDArray[np.float64],
    targets: NDArray[np.float64],
    rng: np.random.Generator,
    inside: NDArray[np.bool_] | None = None,
) -> NDArray[np.int64]:
    """Draw every row once, each nearest in length to the next target.

    Args:
        lengths: (n,) finite lengths.
        targets: (m,) lengths to follow, over and over; at least one.
        inside: (n,) whether a row is of the matched selection: drawn only where no other is within `NEAR` of the target
            and nearer than it; None for none.

    Returns:
        (n,) indices into `lengths`, in the order of the draw.
    """
    assert len(targets) > 0, "a selection to match has at least one row"
    own = np.zeros(len(lengths), np.bool_) if inside is None else inside
    others, members = (_Groups(lengths, rows, targets, rng) for rows in (np.flatnonzero(~own), np.flatnonzero(own)))
    order = np.empty(len(lengths), np.int64)
    for place in range(len(lengths)):
        turn = place % len(targets)
        away = others.distance(turn)
        near = away <= NEAR * targets[turn] or away <= members.distance(turn)
        order[place] = (others if near else members).draw(turn)
    return order


class _Groups:
    """Rows grouped by length, each group in random order, with chains that skip emptied groups.

    Groups are numbered from 1 in ascending length; 0 and `count + 1` are ends that never empty. `lower[g]` leads to
    the last non-empty group at or below g, `upper[g]` to the first at or above.

    Args:
        lengths: Of all candidates.
        rows: (k,) those that are in the groups; none at all is fine.
        targets: The lengths that will be asked for, by their place.
    """

    def __init__(
        self,
        lengths: NDArray[np.float64],
        rows: NDArray[np.int64],
        targets: NDArray[np.float64],
        rng: np.random.Generator,
    ) -> None:
        values, inverse = np.unique(lengths[rows], return_inverse=True)
        shuffled = rng.permutation(len(rows))
        by_length = rows[shuffled[np.argsort(inverse[shuffled], kind="stable")]]
        edges = np.cumsum(np.bincount(inverse, minlength=len(values)))
        self._rows = [[], *(part.tolist() for part in np.split(by_length, edges)[:-1]), []]
        self._value = [-np.inf, *values.tolist(), np.inf]
        self._targets = targets.tolist()
        self._starts = np.searchsorted(values, targets, side="left").tolist()
        self._lower = list(range(len(self._rows)))
        self._upper = list(range(len(self._rows)))
        self._rng = rng

    def distance(self, turn: int) -> float:
        """Return how far the nearest length is from a target; infinite where no row is left."""
        return min(self._around(turn)[1:3])

    def _around(self, turn: int) -> tuple[int, float, float, int]:
        """The groups below and above a target, with their distances between."""
        target, start = self._targets[turn], self._starts[turn]
        low, high = _find(self._lower, start), _find(self._upper, start + 1)
        return low, target - self._value[low], self._value[high] - target, high

    def draw(self, turn: int) -> int:
        """Take one row of the length nearest to a target."""
        low, below, above, high = self._around(turn)
        group = low if below < above else high
        if below == above:
            both = len(self._rows[low]) + len(self._rows[high])
            group = low if self._rng.integers(both) < len(self._rows[low]) else high
        row: int = self._rows[group].pop()
        if not self._rows[group]:
            self._lower[group], self._upper[group] = group - 1, group + 1
        return row


def _find(chain: list[int], group: int) -> int:
    while chain[group] != group:
        chain[group] = chain[chain[group]]
        group = chain[group]
    return group
