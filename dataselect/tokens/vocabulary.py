"""Which tokens shift: counts per token of the vocabulary, and lists of those that stand out.

    most often     the tokens that make up most of the shifted positions
    most likely    those whose own occurrences are shifted most, of tokens that occur at least `min_count` times
    gained, lost   with a tuned model: the largest and the smallest mean of log p_tuned - log p_base, again from
                   `min_count` occurrences on

Ties are broken by count, then by token id. A rare token that was shifted once has a share of 1 and says nothing, which
is what the minimum is for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dataselect.tokens.shares import categories
from dataselect.tokens.sidecar import Row


@dataclass(frozen=True, slots=True)
class TokenShift:
    """One token of the vocabulary.

    Attributes:
        count: Its occurrences in responses.
        shifted, marginal: Those of them that the base ranks so.
        share: shifted / count.
        of_all: Its part of all shifted positions.
        change: Mean of log p_tuned - log p_base, in nats; None without a tuned model.
    """

    token_id: int
    text: str
    count: int
    shifted: int
    marginal: int
    share: float
    of_all: float | None
    change: float | None


@dataclass(frozen=True, slots=True)
class TokenLists:
    """The tokens that stand out, each list from the most striking on; the last two are empty without a tuned model."""

    most_often: tuple[TokenShift, ...]
    most_likely: tuple[TokenShift, ...]
    gained: tuple[TokenShift, ...]
    lost: tuple[TokenShift, ...]


@dataclass(slots=True)
class Vocabulary:
    """Collects rows."""

    two: bool
    _counts: NDArray[np.int64] = field(default_factory=lambda: np.zeros((3, 0), np.int64))
    _change: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))

    def add(self, row: Row) -> None:
        """Count one example."""
        ids = row.base.token_id
        self._grow(int(ids.max()) + 1)
        np.add.at(self._counts, (categories(row.base.rank), ids), 1)
        if row.tuned is not None:
            np.add.at(self._change, ids, row.tuned.logprob.astype(np.float64) - row.base.logprob)

    def _grow(self, size: int) -> None:
        more = size - self._counts.shape[1]
        if more > 0:
            more = max(more, self._counts.shape[1])
            self._counts = np.pad(self._counts, ((0, 0), (0, more)))
            self._change = np.pad(self._change, (0, more))

    def lists(self, min_count: int, top: int, text: Callable[[int], str]) -> TokenLists:
        """The tokens that stand out.

        Args:
            text: Token id -> how the token is shown.
        """
        counts = self._counts.sum(axis=0)
        shifted = self._counts[2]
        seen = np.flatnonzero(shifted)
        frequent = np.flatnonzero(counts >= max(1, min_count))
        share = np.divide(shifted, counts, out=np.zeros(len(counts)), where=counts > 0)
        change = np.divide(self._change, counts, out=np.zeros(len(counts)), where=counts > 0)

        def chosen(among: NDArray[Any], key: NDArray[Any]) -> tuple[TokenShift, ...]:
            order = np.lexsort((among, -counts[among], -key[among]))[:top]
            return tuple(self._shift(int(i), counts, share, change, text) for i in among[order])

        both = frequent if self.two else frequent[:0]
        return TokenLists(
            most_often=chosen(seen, shifted),
            most_likely=chosen(frequent[share[frequent] > 0], share),
            gained=chosen(both[change[both] > 0], change),
            lost=chosen(both[change[both] < 0], -change),
        )

    def _shift(
        self, token: int, counts: NDArray[Any], share: NDArray[Any], change: NDArray[Any], text: Callable[[int], str]
    ) -> TokenShift:
        total = int(self._counts[2].sum())
        shifted = int(self._counts[2, token])
        return TokenShift(
            token, text(token), int(counts[token]), shifted, int(self._counts[1, token]), float(share[token]),
            shifted / total if total else None, float(change[token]) if self.two else None,
        )  # fmt: skip
