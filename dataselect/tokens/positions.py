"""Categories and log-probabilities by position in the response.

Positions count the scored response tokens of an example from 1, all its assistant turns together. Bins double in width
(1, 2, 3-4, 5-8 ...), because shifts are dense at the beginning and responses differ in length. Per example and bin are
kept: the number of tokens of each category, under each model, and the sum of the change of the log-probability.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from dataselect.tokens.shares import CATEGORIES, Ratio, categories, ratio
from dataselect.tokens.sidecar import Row

BINS = 21
"""The last one ends at 2^20 tokens."""


@dataclass(frozen=True, slots=True)
class Shares:
    """The shares of the three categories."""

    unshifted: Ratio
    marginal: Ratio
    shifted: Ratio


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
    base: Shares
    tuned: Shares | None
    change: Ratio | None


@dataclass(slots=True)
class Positions:
    """Collects rows; `two` says whether there is a tuned model."""

    two: bool
    _base: list[NDArray[np.int32]] = field(default_factory=list)
    _tuned: list[NDArray[np.int32]] = field(default_factory=list)
    _change: list[NDArray[np.float32]] = field(default_factory=list)

    def add(self, row: Row) -> None:
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
        weights = base.sum(axis=2).astype(np.float64)
        return [
            PositionBin(
                first=_first(b), last=2**b, examples=int((weights[:, b] > 0).sum()), tokens=int(weights[:, b].sum()),
                base=_shares(base[:, b], weights[:, b]),
                tuned=_shares(tuned[:, b], weights[:, b]) if self.two else None,
                change=ratio(change[:, b], weights[:, b], share=False) if self.two else None,
            )
            for b in range(BINS)
            if weights[:, b].any()
        ]  # fmt: skip

    def whole(self) -> PositionBin:
        """All positions as one bin."""
        base, tuned, change = self._stacked()
        weights = base.sum(axis=(1, 2)).astype(np.float64)
        longest = max((_last_used(one) for one in self._base), default=0)
        return PositionBin(
            first=1, last=longest, examples=len(base), tokens=int(weights.sum()),
            base=_shares(base.sum(axis=1), weights),
            tuned=_shares(tuned.sum(axis=1), weights) if self.two else None,
            change=ratio(change.sum(axis=1), weights, share=False) if self.two else None,
        )  # fmt: skip

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


def _first(b: int) -> int:
    return 1 if b == 0 else 2 ** (b - 1) + 1


def _last_used(counts: NDArray[np.int32]) -> int:
    return int(counts.sum())


def _counts(bins: NDArray[np.int64], ranks: NDArray[np.int32]) -> NDArray[np.int32]:
    """(BINS, 3) tokens of each bin and category."""
    cells = np.bincount(bins * 3 + categories(ranks), minlength=BINS * 3)
    return cells.reshape(BINS, 3).astype(np.int32)


def _shares(counts: NDArray[np.int32], weights: NDArray[np.float64]) -> Shares:
    """Shares of (n, 3) counts."""
    return Shares(*(ratio(counts[:, c].astype(np.float64), weights) for c in range(len(CATEGORIES))))
