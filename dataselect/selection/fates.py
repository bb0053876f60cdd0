"""What became of each row of a pool: one reason why it is not chosen, or none.

Every step of a selection writes here which rows it leaves out, and no row can leave twice. Rows in, minus each reason,
are therefore rows out, whatever the steps were. The reasons:

    without_scores                     a given table does not have the row
    too_long, empty_response, ...      its status in a score table
    without_embedding                  the folder of embeddings does not have it
    where, min_tokens, max_tokens      filters
    contaminated                       it shares text with an evaluation set, or nearly is one of its items
    null_score                         it has no value to rank by
    dropped_by_rule                    the strategy does not rank it
    duplicate, near_duplicate, semantic_duplicate    a row that ranks higher says the same
    not_shortlisted                    it ranks below the shortlist that the next strategy orders
    not_reached                        a strategy whose every place costs stopped before it
    quota                              it ranks high enough, but the share of its source is full
    over_budget                        it ranks below the budget
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

CHOSEN = ""
CUT = ("quota", "over_budget")
"""Reasons that depend on the budget."""

_FIRST = ("without_scores",)
_LATER = (
    "without_embedding", "where", "min_tokens", "max_tokens", "contaminated", "null_score", "dropped_by_rule",
    "duplicate", "near_duplicate", "semantic_duplicate", "not_shortlisted", "not_reached", *CUT,
)  # fmt: skip
"""Reasons in the order of the steps; statuses of score tables come between the two."""

WORDS = {
    "without_scores": "without scores",
    "without_embedding": "without an embedding",
    "where": "outside --where",
    "min_tokens": "under --min-tokens",
    "max_tokens": "over --max-tokens",
    "null_score": "with no value to rank by",
    "dropped_by_rule": "dropped by the strategy's rule",
    "near_duplicate": "near-duplicate",
    "semantic_duplicate": "duplicate in meaning",
    "not_shortlisted": "below a shortlist",
    "not_reached": "not reached",
    "quota": "over the quota of their source",
    "over_budget": "over the budget",
}
"""Reasons as they are said after a number of rows, where the name does not do."""


class Fates:
    """The reasons of a pool's rows. Rows of no reason yet are still in.

    Args:
        rows: How many rows the pool has.

    Attributes:
        codes: (n_pool,) int16 indices into `names`.
        names: Reasons; the first is that of rows still in.
        because: For rows whose reason is another row or text, which one.
    """

    def __init__(self, rows: int) -> None:
        self.codes: NDArray[np.int16] = np.zeros(rows, np.int16)
        self.names = [CHOSEN]
        self.because: dict[int, str] = {}

    def __len__(self) -> int:
        return len(self.codes)

    def copy(self) -> Fates:
        """The same, to go on from."""
        twin = Fates(0)
        twin.codes, twin.names, twin.because = self.codes.copy(), list(self.names), dict(self.because)
        return twin

    @property
    def still_in(self) -> NDArray[np.int64]:
        """Ascending rows that have no reason."""
        return np.flatnonzero(self.codes == 0)

    def leave(self, rows: NDArray[np.int64], reason: str, because: Mapping[int, str] | None = None) -> None:
        """Give rows that are still in a reason."""
        if not len(rows):
            return
        assert not self.codes[rows].any(), f"a row that {reason} leaves out had left before"
        if reason not in self.names:
            self.names.append(reason)
        self.codes[rows] = self.names.index(reason)
        self.because.update(because or {})

    def counts(self) -> dict[str, int]:
        """Rows of each reason, in the order of the steps; rows still in are not among them."""
        sizes = np.bincount(self.codes, minlength=len(self.names))
        met = {name: int(sizes[code]) for code, name in enumerate(self.names) if name and sizes[code]}
        return {name: met[name] for name in sorted(met, key=_step)}

    def of(self, reason: str) -> NDArray[np.int64]:
        """Ascending rows of a reason."""
        code = self.names.index(reason) if reason in self.names else -1
        return np.flatnonzero(self.codes == code)

    def __iter__(self) -> Iterator[str]:
        return (self.names[code] for code in self.codes)


def _step(reason: str) -> tuple[int, str]:
    if reason in _FIRST:
        return 0, ""
    return (2 + _LATER.index(reason), "") if reason in _LATER else (1, reason)
