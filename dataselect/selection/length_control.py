"""Length control: rank within bins of equal length, or by what length does not explain.

Many scores of a response correlate with its length: IFD rises with it, and perplexity is most extreme, both ways, where
a response has few tokens. What they choose is then in part a choice of length. Both ways start from a strategy's own
order, best first, so that its direction, its ties and its dropped rows stay as they are; they need an order in which
each place follows from the row's own score. Length is that of `Needs.length`: response tokens where a score table has
them, else UTF-8 bytes.

`LengthBins` changes which rows compete: only those of about the same length do, and every prefix of the order has the
length profile of the ranked rows. `LengthResidual` changes the score: a straight line through (logarithm of length,
place in the order) is subtracted. Places and not scores, because scores of language models are skewed and some have a
few enormous values that would turn the line (a perplexity of 10,000 among hundreds of 5), and because an order is what
is controlled: any rising transformation of the score gives the same result. A line takes out a trend that goes one way.
What bends is left in, and so is spread: if short rows are both the best and the worst, they are chosen as before. Bins
are the answer to both.

Left out: the length of the prompt; a length model that others fitted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from dataselect.errors import UsageError
from dataselect.records import Ranking
from dataselect.selection.interleaving import interleaved, taken
from dataselect.strategies import Needs, Strategy


@dataclass(frozen=True, slots=True)
class LengthBins:
    """Rank within quantile bins of length, and take from all bins alike.

    Attributes:
        bins: How many. Equal lengths share a bin, that of their mean rank, so that there may be fewer.
    """

    method: ClassVar[str] = "bins"

    bins: int = 10

    def __post_init__(self) -> None:
        if self.bins < 2:
            raise UsageError(f"length bins are at least 2, got {self.bins}")

    def reorder(self, ranking: Ranking, lengths: NDArray[np.float64]) -> Ranking:
        """Interleave the bins, so that every prefix takes about the same share of each.

        Args:
            lengths: (n_ranked,) finite lengths, in the order of `ranking`.
        """
        return interleaved(ranking, self.assign(lengths))

    def assign(self, lengths: NDArray[np.float64]) -> NDArray[np.int64]:
        """Return the bin of each length, from 0 for the shortest: with ranks from 0, floor(bins (rank + 1/2) / n)."""
        ascending = np.argsort(lengths, kind="stable")
        bin_of = np.empty(len(lengths), np.int64)
        bin_of[ascending] = self.bins * (_mean_places(lengths[ascending]) + 0.5) / len(lengths)
        return bin_of


@dataclass(frozen=True, slots=True)
class LengthResidual:
    """Rank by the place in the order that is left after a least-squares line in the logarithm of length."""

    method: ClassVar[str] = "residual"

    def reorder(self, ranking: Ranking, lengths: NDArray[np.float64]) -> Ranking:
        """Order by residual, ties by id; the score is the residual, in places: negative is better than expected.

        Args:
            lengths: (n_ranked,) finite lengths, in the order of `ranking`; below 1 they count as 1.
        """
        place = _mean_places(ranking.scores)
        log_length = np.log(np.maximum(lengths, 1.0))
        x, y = log_length - log_length.mean(), place - place.mean()
        spread = float(x @ x)
        residual = y - (float(x @ y) / spread if spread > 0 else 0.0) * x
        order = np.lexsort((ranking.order, residual))
        return replace(ranking, order=ranking.order[order], scores=residual[order])


LengthControl = LengthBins | LengthResidual


def control(ranking: Ranking, lengths: NDArray[np.float64], method: LengthControl) -> Ranking:
    """Take length out of `ranking`; rows without a length are not ranked.

    Args:
        lengths: (n_candidates,) NaN where there is none.
    """
    known = np.flatnonzero(np.isfinite(lengths[ranking.order]))
    measured = taken(ranking, known)
    return method.reorder(measured, lengths[measured.order]) if len(known) else measured


def controlled_needs(needs: Needs, method: LengthControl | None) -> Needs:
    """Return what a strategy needs, with the length where that is to be taken out."""
    return needs if method is None else replace(needs, length=True)


def check_controllable(name: str, strategy: Strategy, method: LengthControl | None) -> None:
    """Refuse length control of a strategy whose places do not follow from one score.

    Raises:
        UsageError: If it is asked for where there is no score to take length out of.
    """
    if method is not None and not strategy.by_score:
        raise UsageError(
            f"--length-control {method.method} needs a strategy that orders rows by one score, and {name} does not",
            "leave it off, or select with --strategy length-matched-random beside it",
        )


def described(method: LengthControl | None) -> dict[str, Any] | None:
    """Return length control as the manifest records it."""
    return None if method is None else {"method": method.method, **asdict(method)}


def recorded(value: Mapping[str, Any] | None) -> LengthControl | None:
    """Read length control from a manifest, as `described` wrote it."""
    if value is None:
        return None
    return LengthResidual() if value["method"] == LengthResidual.method else LengthBins(value["bins"])


def _mean_places(ordered: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the place of each row from 0; equal ones, which stand side by side, share the mean of their places."""
    _, group, sizes = np.unique(ordered, return_inverse=True, return_counts=True)
    places: NDArray[np.float64] = (np.bincount(group, weights=np.arange(len(ordered))) / sizes)[group]
    return places
