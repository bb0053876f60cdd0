"""Holm's correction: p values that hold for all tests of a table together.

With m tests, the k-th smallest p (k from 1) is multiplied by m - k + 1, none may be below an earlier one, and none is
over 1 (Holm 1979, Scandinavian Journal of Statistics 6:65). The chance that any of the tests shows a difference that is
not there is then at most the level, whatever the tests have in common.

A family is what a reader looks over for the best: the strategies at all budgets in one table, that is one task in one
metric. Controls are not in it; nobody chooses them for being the best.
"""

from __future__ import annotations

from collections.abc import Sequence


def holm(p_values: Sequence[float]) -> list[float]:
    """Corrected p values, in the order given."""
    order = sorted(range(len(p_values)), key=lambda place: p_values[place])
    corrected, least = [0.0] * len(p_values), 0.0
    for rank, place in enumerate(order):
        least = max(least, min(1.0, (len(p_values) - rank) * p_values[place]))
        corrected[place] = least
    return corrected
