"""Random rows with the lengths of another selection: what that selection would be worth if only its lengths mattered.

Rule: go through the matched selection in its rank order; for each of its rows draw, uniformly, one of the not yet drawn
candidates whose response length in tokens is nearest to that row's (a nearest shorter and a nearest longer length that
are equally far count as one group). At the end of the matched rows begin again, until every candidate is drawn. Paper:
none; length explains much of what quality scores pick (arXiv 2402.04833, 2410.09335), so a gain over `random` that this
control shares is a gain of length. Direction: none. Nesting: yes, and every prefix follows the lengths of the matched
prefix. Rows of the matched selection may be drawn: excluding them would shift the control away from what it controls.

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
        drawn = draw_matching(lengths[present], candidates.match_lengths, rng)
        return unscored(present[drawn])


def draw_matching(
    lengths: NDArray[np.float64], targets: NDArray[np.float64], rng: np.random.Generator
) -> NDArray[np.int64]:
    """Draw every row once, each nearest in length to the next target.

    Args:
        lengths: (n,) finite lengths.
        targets: (m,) lengths to follow, over and over; at least one.

    Returns:
        (n,) indices into `lengths`, in the order of the draw.
    """
    assert len(targets) > 0, "a selection to match has at least one row"
    groups = _Groups(lengths, rng)
    starts = np.searchsorted(groups.values, targets, side="left").tolist()
    wanted = targets.tolist()
    order = [groups.draw(wanted[i % len(wanted)], starts[i % len(wanted)]) for i in range(len(lengths))]
    return np.asarray(order, dtype=np.int64)


class _Groups:
    """Rows grouped by length, each group in random order, with chains that skip emptied groups.

    Groups are numbered from 1 in ascending length; 0 and `count + 1` are ends that never empty. `lower[g]` leads to
    the last non-empty group at or below g, `upper[g]` to the first at or above.
    """

    def __init__(self, lengths: NDArray[np.float64], rng: np.random.Generator) -> None:
        self.values, inverse = np.unique(lengths, return_inverse=True)
        shuffled = rng.permutation(len(lengths))
        by_length = shuffled[np.argsort(inverse[shuffled], kind="stable")]
        edges = np.cumsum(np.bincount(inverse, minlength=len(self.values)))[:-1]
        self._rows = [[], *(part.tolist() for part in np.split(by_length, edges)), []]
        self._value = [-np.inf, *self.values.tolist(), np.inf]
        self._lower = list(range(len(self._rows)))
        self._upper = list(range(len(self._rows)))
        self._rng = rng

    def draw(self, target: float, start: int) -> int:
        """Take one row of the nearest length.

        Args:
            target: The length wanted.
            start: Number of distinct lengths below the target, emptied ones included.
        """
        low, high = _find(self._lower, start), _find(self._upper, start + 1)
        below, above = target - self._value[low], self._value[high] - target
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
