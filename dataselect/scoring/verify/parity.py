"""Compare two measurements of the same rows, token by token and as rankings, and name the worst place.

    largest, median   of |l_t - l'_t| over all scored tokens, nats
    row median        median over rows of the same for the mean response NLL, which is log perplexity
    Spearman          Pearson's correlation of the rows' ranks by mean response NLL, which is the order by ppl
    overlap           |A & B| / k, with A and B the k rows of lowest mean response NLL on each side, k = max(1, n // 10)
    rank agreement    share of tokens whose rank falls into the same class on both sides: 1, 2 or 3, over 3, which is
                      all that the scores made of ranks depend on

Rows whose means are within `TIE` nats of each other are tied: they share one mean rank, and where a tie crosses the
border of the lowest k, the overlap is that of the most similar choice. So two copies of one text that differ in the
last bit of a float32 are no miss. A token that is finite on one side only is counted, never left out.

Left out: intervals. The numbers describe this sample, and a fault is a fault however rare.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dataselect.records import END, PROMPT, RESPONSE, UNSCORED, Rendered
from dataselect.scoring.rows import TokenNumbers

_PART_NAMES = {PROMPT: "prompt", RESPONSE: "response", END: "end"}


@dataclass(frozen=True, slots=True)
class Worst:
    """The place of the largest difference, or of the first value that is not finite.

    Attributes:
        id: Id of the row.
        what: Part of the token; or, where only sums are compared, the column, as a log-probability per token.
        ours: Log-probability in nats; `reference` likewise.
        position: Index of the token in the rendered row, BOS included; None where sums are compared.
        tokens: Tokens of the rendered row.
        token_id: Its id.
        text: Its characters.
    """

    id: str
    what: str
    ours: float
    reference: float
    position: int | None = None
    tokens: int | None = None
    token_id: int | None = None
    text: str | None = None

    def __str__(self) -> str:
        place = self.what
        if self.position is not None:
            place = f"{self.what} token {self.position} of {self.tokens}, {self.text!r} (id {self.token_id})"
        return f"row {self.id!r}, {place}: {self.ours:.6f}, reference {self.reference:.6f}"


@dataclass(frozen=True, slots=True)
class ParityReport:
    """The distance of two measurements, and the place where they differ most."""

    parity: Parity
    worst: Worst


def compare_tokens(
    name: str, rows: Sequence[Rendered], ours: Sequence[TokenNumbers], reference: Sequence[TokenNumbers]
) -> ParityReport:
    """Compare all scored tokens of rows.

    Args:
        name: Name of the comparison.
        rows: At least one scorable row.
    """
    found = parity(name, [_measured(one) for one in ours], [_measured(one) for one in reference])
    row, a, b = rows[found.worst_row], ours[found.worst_row], reference[found.worst_row]
    at = int(np.flatnonzero(row.parts != UNSCORED)[found.worst_at])
    begin, end = (int(x) for x in row.spans[at])
    worst = Worst(
        id=row.id, what=_PART_NAMES[int(row.parts[at])], ours=float(a.logprobs[at]), reference=float(b.logprobs[at]),
        position=at, tokens=len(row.token_ids), token_id=int(row.token_ids[at]), text=row.text[begin:end],
    )  # fmt: skip
    return ParityReport(found, worst)


def _measured(numbers: TokenNumbers) -> Measured:
    """Return what is compared of one row: its scored tokens, and the mean over its response."""
    scored = numbers.parts != UNSCORED
    response = numbers.logprobs[numbers.parts == RESPONSE]
    ranks = None if numbers.ranks is None else numbers.ranks[scored]
    return Measured(numbers.logprobs[scored].astype(np.float64), -float(response.mean(dtype=np.float64)), ranks)


TIE = 1e-6
"""Nats per token under which two rows are in no order."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One side's numbers of one row.

    Attributes:
        logprobs: (k,) float64 nats: of each scored token; or, where only sums are known, means over tokens.
        mean_nll: Response NLL per token, by which rows are ordered.
        ranks: (k,) vocabulary ranks; None where they are not known.
    """

    logprobs: NDArray[np.float64]
    mean_nll: float
    ranks: NDArray[np.int32] | None = None


@dataclass(frozen=True, slots=True)
class Parity:
    """Two measurements of `rows` rows with `tokens` tokens compared.

    Attributes:
        name: Name of the comparison.
        not_finite: Tokens with NaN or infinity on either side; they are excluded from all other numbers.
        largest: Nats at one token; None if no token is finite on both sides. `median` likewise.
        row_median: Nats per token of a row; None if no row is finite on both sides.
        spearman: None for fewer than two different rows on either side.
        overlap: Share of the lowest tenth that is the same.
        ranks: Share of tokens whose ranks agree; None without ranks.
        worst_row: Index of the row with the worst token.
        worst_at: Index of that token in `Measured.logprobs`.
    """

    name: str
    rows: int
    tokens: int
    not_finite: int
    largest: float | None
    median: float | None
    row_median: float | None
    spearman: float | None
    overlap: float | None
    ranks: float | None
    worst_row: int
    worst_at: int

    @property
    def lowest(self) -> int:
        """The number of rows in the lowest tenth."""
        return max(1, self.rows // 10)


def parity(name: str, ours: Sequence[Measured], reference: Sequence[Measured]) -> Parity:
    """Compare two measurements of the same rows, at least one, in the same order."""
    differences = [np.abs(a.logprobs - b.logprobs) for a, b in zip(ours, reference, strict=True)]
    together = np.concatenate(differences)
    finite = np.isfinite(together)
    worst = [float(np.where(np.isfinite(one), one, np.inf).max(initial=0.0)) for one in differences]
    row = int(np.argmax(worst))
    means = np.array([(a.mean_nll, b.mean_nll) for a, b in zip(ours, reference, strict=True)])
    x, y = means[np.isfinite(means).all(axis=1)].T
    return Parity(
        name=name,
        rows=len(differences),
        tokens=len(together),
        not_finite=int((~finite).sum()),
        largest=float(together[finite].max()) if finite.any() else None,
        median=float(np.median(together[finite])) if finite.any() else None,
        row_median=float(np.median(np.abs(x - y))) if len(x) else None,
        spearman=spearman(x, y),
        overlap=lowest_overlap(x, y, max(1, len(x) // 10)) if len(x) else None,
        ranks=rank_agreement(ours, reference),
        worst_row=row,
        worst_at=int(np.argmax(np.where(np.isfinite(differences[row]), differences[row], np.inf))),
    )


def mean_ranks(values: NDArray[np.float64], tie: float = TIE) -> NDArray[np.float64]:
    """Rank values from 1; neighbours in order that are at most `tie` apart share the mean of their ranks."""
    order = np.argsort(values, kind="stable")
    group = np.concatenate(([0], np.cumsum(np.diff(values[order]) > tie)))
    shared = np.bincount(group, np.arange(1, len(values) + 1)) / np.bincount(group)
    ranks = np.empty(len(values))
    ranks[order] = shared[group]
    return ranks


def spearman(x: NDArray[np.float64], y: NDArray[np.float64], tie: float = TIE) -> float | None:
    """Correlate the mean ranks (Pearson); None where one side has fewer than two different ranks."""
    if len(x) < 2:
        return None
    a, b = mean_ranks(x, tie), mean_ranks(y, tie)
    a, b = a - a.mean(), b - b.mean()
    scale = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / scale if scale > 0 else None


def lowest_overlap(x: NDArray[np.float64], y: NDArray[np.float64], k: int, tie: float = TIE) -> float:
    """Return the share of the `k` lowest by `x` that are also among the `k` lowest by `y`, ties taken in favour.

    On each side a row is in, or tied with the k-th, or out. Rows that are in on both sides count; a tied row counts if
    it is in or tied on the other side too, and a place is left for it.
    """
    border_x, border_y = np.partition(x, k - 1)[k - 1], np.partition(y, k - 1)[k - 1]
    in_x, in_y = x < border_x - tie, y < border_y - tie
    tied_x, tied_y = np.abs(x - border_x) <= tie, np.abs(y - border_y) <= tie
    free_x, free_y = k - int(in_x.sum()), k - int(in_y.sum())
    by_x, by_y = min(free_x, int((tied_x & in_y).sum())), min(free_y, int((tied_y & in_x).sum()))
    by_both = min(int((tied_x & tied_y).sum()), free_x - by_x, free_y - by_y)
    return (int((in_x & in_y).sum()) + by_x + by_y + by_both) / k


def rank_agreement(ours: Sequence[Measured], reference: Sequence[Measured]) -> float | None:
    """Return the share of tokens with the same class of rank; None where a side has no ranks."""
    pairs = [(a.ranks, b.ranks) for a, b in zip(ours, reference, strict=True)]
    same = [_rank_class(a) == _rank_class(b) for a, b in pairs if a is not None and b is not None]
    return float(np.concatenate(same).mean()) if len(same) == len(pairs) else None


def _rank_class(ranks: NDArray[np.int32]) -> NDArray[np.int64]:
    """Classify ranks: 0 for no rank, 1 for the likeliest token, 2 for the next two, 3 for all others."""
    return np.searchsorted(np.array([1, 2, 4]), ranks, side="right")
