"""Exclusion reasons: for each row of a pool the one reason why it is not chosen, or none.

Every step of a selection records here which rows it excludes, and no row can be excluded twice. Rows in, minus those of
each reason, are therefore rows out, whatever the steps were. The reasons:

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
BUDGET_REASONS = ("quota", "over_budget")
"""Reasons that depend on the budget."""

REASON_WORDS = {
    "without_scores": "without scores",
    "without_embedding": "without an embedding",
    "where": "outside --where",
    "min_tokens": "under --min-tokens",
    "max_tokens": "over --max-tokens",
    "contaminated": "contaminated",
    "null_score": "with no value to rank by",
    "dropped_by_rule": "dropped by the strategy's rule",
    "duplicate": "duplicate",
    "near_duplicate": "near-duplicate",
    "semantic_duplicate": "duplicate in meaning",
    "not_shortlisted": "below a shortlist",
    "not_reached": "not reached",
    "quota": "over the quota of their source",
    "over_budget": "over the budget",
}
"""Reasons in the order of the steps, as they read after a number of rows.

Statuses of score tables come between the first two; they read as they are.
"""

_STEPS = {reason: step for step, reason in enumerate(REASON_WORDS)}


class Exclusions:
    """The exclusion reasons of a pool's rows; a row without a reason remains.

    Args:
        rows: How many rows the pool has.

    Attributes:
        codes: (n_pool,) int16 indices into `names`.
        names: Reasons; the first is that of remaining rows.
        because: For rows that another row or text excludes, which one.
    """

    def __init__(self, rows: int) -> None:
        self.codes: NDArray[np.int16] = np.zeros(rows, np.int16)
        self.names = [CHOSEN]
        self.because: dict[int, str] = {}

    def __len__(self) -> int:
        return len(self.codes)

    def __iter__(self) -> Iterator[str]:
        return (self.names[code] for code in self.codes)

    def copy(self) -> Exclusions:
        """Return an independent copy."""
        twin = Exclusions(0)
        twin.codes, twin.names, twin.because = self.codes.copy(), list(self.names), dict(self.because)
        return twin

    @property
    def remaining(self) -> NDArray[np.int64]:
        """Ascending rows that have no reason."""
        return np.flatnonzero(self.codes == 0)

    def exclude(self, rows: NDArray[np.int64], reason: str, because: Mapping[int, str] | None = None) -> None:
        """Give remaining rows a reason."""
        if not len(rows):
            return
        assert not self.codes[rows].any(), f"a row excluded by {reason} was excluded before"
        if reason not in self.names:
            self.names.append(reason)
        self.codes[rows] = self.names.index(reason)
        self.because.update(because or {})

    def counts(self) -> dict[str, int]:
        """Count the rows of each reason, in the order of the steps; remaining rows are not counted."""
        sizes = np.bincount(self.codes, minlength=len(self.names))
        met = {name: int(sizes[code]) for code, name in enumerate(self.names) if name and sizes[code]}
        return {name: met[name] for name in sorted(met, key=_step)}

    def of(self, reason: str) -> NDArray[np.int64]:
        """Ascending rows of a reason."""
        code = self.names.index(reason) if reason in self.names else -1
        return np.flatnonzero(self.codes == code)


def _step(reason: str) -> tuple[float, str]:
    """Return the sort key of a reason; statuses, which the table does not list, stand after the first one."""
    return (_STEPS[reason], "") if reason in _STEPS else (0.5, reason)
