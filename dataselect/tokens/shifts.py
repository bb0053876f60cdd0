"""Shares of shifted response tokens, by position in the response and by token of the vocabulary, with intervals.

URIAL (2312.01552) sorts a position by the rank that the base gives its token:

    unshifted   rank 1        marginal   rank 2 or 3        shifted   rank above 3

By position: positions count the scored response tokens of an example from 1, all its assistant turns together. Bins
double in width (1, 2, 3-4, 5-8 ...), because shifts are dense at the beginning and responses differ in length.

By token: the tokens that make up most of the shifted positions (`most_often`); those whose own occurrences are shifted
most, of tokens that occur at least `min_count` times (`most_likely`); and with a tuned model those with the largest and
the smallest mean of log p_tuned - log p_base, again from `min_count` occurrences on (`gained`, `lost`). Ties are broken
by count, then by token id. A rare token that was shifted once has a share of 1 and says nothing: hence the minimum.

A share is sum a_i / sum b_i over examples i, a_i of its b_i tokens being in the category. Tokens of one example are not
independent, so the interval is that of a ratio of sums over independent examples (linearisation; Cochran 1977, Sampling
Techniques, section 6.4):

    variance = n / (n - 1) * sum (a_i - R b_i)^2 / (sum b_i)^2,   R -+ t_(n-1) * sqrt(variance)

A mean over tokens is the same with a_i a sum. There is no interval for a single example, or where nothing varies.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dataselect.reports.tokens_page import CATEGORIES
from dataselect.tokens.sidecar import AlignedRow

BINS = 21
"""The last one ends at 2^20 tokens."""


@dataclass(frozen=True, slots=True)
class CategoryShares:
    """The shares of the three categories."""

    unshifted: RatioEstimate
    marginal: RatioEstimate
    shifted: RatioEstimate


@dataclass(frozen=True, slots=True)
class PositionBin:
    """Positions `first` to `last`, over `examples` that are so long.

    Attributes:
        tuned: None without a tuned model.
        change: Mean of log p_tuned - log p_base of a token, in nats; None without a tuned model.
    """

    first: int
    last: int
    examples: int
    tokens: int
    base: CategoryShares
    tuned: CategoryShares | None
    change: RatioEstimate | None


@dataclass(slots=True)
class PositionTable:
    """Counts by position over the rows that are added; `two` with a tuned model."""

    two: bool
    _base: list[NDArray[np.int32]] = field(default_factory=list)
    _tuned: list[NDArray[np.int32]] = field(default_factory=list)
    _change: list[NDArray[np.float32]] = field(default_factory=list)

    def add(self, row: AlignedRow) -> None:
        """Count one example."""
        bins = bin_of(len(row.base.rank))
        self._base.append(_counts(bins, row.base.rank))
        if row.tuned is not None:
            self._tuned.append(_counts(bins, row.tuned.rank))
            change = row.tuned.logprob.astype(np.float64) - row.base.logprob
            self._change.append(np.bincount(bins, change, BINS).astype(np.float32))

    def bins(self) -> list[PositionBin]:
        """Every bin that holds tokens."""
        base, tuned, change = self._stacked()
        return [
            self._bin(1 if b == 0 else 2 ** (b - 1) + 1, 2**b, base[:, b], tuned[:, b], change[:, b])
            for b in range(BINS)
            if base[:, b].any()
        ]

    def whole(self) -> PositionBin:
        """All positions as one bin."""
        base, tuned, change = self._stacked()
        longest = max((int(counts.sum()) for counts in self._base), default=0)
        return self._bin(1, longest, base.sum(axis=1), tuned.sum(axis=1), change.sum(axis=1))

    def _bin(
        self, first: int, last: int, base: NDArray[np.integer], tuned: NDArray[np.integer], change: NDArray[np.float64]
    ) -> PositionBin:
        """A bin from the (n, 3) counts and the (n,) changes of its tokens."""
        weights = base.sum(axis=1).astype(np.float64)
        return PositionBin(
            first,
            last,
            examples=int((weights > 0).sum()),
            tokens=int(weights.sum()),
            base=_shares(base, weights),
            tuned=_shares(tuned, weights) if self.two else None,
            change=ratio(change, weights, share=False) if self.two else None,
        )

    def _stacked(self) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.float64]]:
        empty = np.zeros((0, BINS, 3), np.int32)
        base = np.stack(self._base) if self._base else empty
        tuned = np.stack(self._tuned) if self._tuned else empty
        change = np.stack(self._change).astype(np.float64) if self._change else np.zeros((0, BINS))
        return base, tuned, change


def bin_of(length: int) -> NDArray[np.int64]:
    """(length,) the bin of positions 1 to length."""
    positions = np.arange(length)
    bins: NDArray[np.float64] = np.minimum(np.ceil(np.log2(positions + 1)), BINS - 1)
    return bins.astype(np.int64)


def _counts(bins: NDArray[np.int64], ranks: NDArray[np.int32]) -> NDArray[np.int32]:
    """(BINS, 3) tokens of each bin and category."""
    cells = np.bincount(bins * 3 + categories(ranks), minlength=BINS * 3)
    return cells.reshape(BINS, 3).astype(np.int32)


def _shares(counts: NDArray[np.integer], weights: NDArray[np.float64]) -> CategoryShares:
    """Shares of (n, 3) counts."""
    return CategoryShares(*(ratio(counts[:, c].astype(np.float64), weights) for c in range(len(CATEGORIES))))


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
class TokenTable:
    """Counts by token over the rows that are added; `two` with a tuned model."""

    two: bool
    _counts: NDArray[np.int64] = field(default_factory=lambda: np.zeros((3, 0), np.int64))
    _change: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))

    def add(self, row: AlignedRow) -> None:
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


_CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class RatioEstimate:
    """A ratio of sums with its 95 % interval; all None without tokens."""

    value: float | None
    low: float | None
    high: float | None


def categories(ranks: NDArray[np.int32]) -> NDArray[np.int64]:
    """(n,) 0 unshifted, 1 marginal, 2 shifted, of (n,) ranks from 1."""
    return (ranks > 1).astype(np.int64) + (ranks > 3)


def ratio(values: NDArray[np.float64], weights: NDArray[np.float64], share: bool = True) -> RatioEstimate:
    """The ratio of two sums over (n,) examples; those without weight are no part of it.

    Args:
        share: Whether it lies between 0 and 1, as its interval then does.
    """
    used = weights > 0
    values, weights = values[used], weights[used]
    n = len(values)
    if n == 0:
        return RatioEstimate(None, None, None)
    total = float(weights.sum())
    estimate = float(values.sum()) / total
    spread = float(((values - estimate * weights) ** 2).sum())
    if n == 1 or spread <= 1e-18 * total:
        return RatioEstimate(estimate, None, None)
    from scipy.special import stdtrit

    half = float(stdtrit(n - 1, (1 + _CONFIDENCE) / 2)) * float(np.sqrt(n / (n - 1) * spread)) / total
    low, high = estimate - half, estimate + half
    return RatioEstimate(estimate, max(low, 0.0), min(high, 1.0)) if share else RatioEstimate(estimate, low, high)
