"""Holm's correction: p values that hold for all tests of a table together.

With m tests, the k-th smallest p (k from 1) is multiplied by m - k + 1, none may be below an earlier one, and none is
over 1 (Holm 1979, Scandinavian Journal of Statistics 6:65). The chance that any of the tests shows a difference that is
not there is then at most the level, whatever the tests have in common.

Left out: which tests make a family; whoever makes the table knows.
"""

from __future__ import annotations

from collections.abc import Sequence


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Corrected p values in the order given; None stays None and counts as no test."""
    tested = sorted((p, place) for place, p in enumerate(p_values) if p is not None)
    corrected: list[float | None] = [None] * len(p_values)
    least = 0.0
    for rank, (p, place) in enumerate(tested):
        least = max(least, min(1.0, (len(tested) - rank) * p))
        corrected[place] = least
    return corrected
