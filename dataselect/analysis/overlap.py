"""How much the selections of different strategies have in common: Jaccard indices per budget.

    Jaccard = examples in both / examples in either

Beside the matrix stands what two random selections of the mean size k would have in a pool of N: k^2 / N in common, and
so k / (2 N - k), because a large budget makes everything overlap. First seeds only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dataselect.analysis.selections import Selection


@dataclass(frozen=True, slots=True)
class Overlap:
    """The selections at one budget.

    Attributes:
        jaccard: (n_strategies, n_strategies), in the order of `strategies`; None for two empty selections.
        at_random: Jaccard expected of two random selections of the mean size; None where the pool's size is unknown.
    """

    budget: int
    unit: str
    strategies: tuple[str, ...]
    seeds: tuple[int, ...]
    jaccard: tuple[tuple[float | None, ...], ...]
    at_random: float | None


def overlaps(selections: Sequence[Selection], pool_rows: int | None) -> tuple[Overlap, ...]:
    """One matrix for each budget with two strategies at least.

    Args:
        selections: One per strategy and budget.
        pool_rows: Rows that could be selected; None if unknown.
    """
    budgets = sorted({(s.unit, s.budget) for s in selections})
    groups = [[s for s in selections if (s.unit, s.budget) == budget] for budget in budgets]
    return tuple(_overlap(group, pool_rows) for group in groups if len(group) > 1)


def _overlap(group: Sequence[Selection], pool_rows: int | None) -> Overlap:
    sets = [frozenset(s.ids) for s in group]
    matrix = tuple(tuple(_jaccard(a, b) for b in sets) for a in sets)
    size = sum(map(len, sets)) / len(sets)
    return Overlap(
        budget=group[0].budget,
        unit=group[0].unit,
        strategies=tuple(s.strategy for s in group),
        seeds=tuple(s.seed for s in group),
        jaccard=matrix,
        at_random=size / (2 * pool_rows - size) if pool_rows else None,
    )


def _jaccard(a: frozenset[str], b: frozenset[str]) -> float | None:
    either = len(a | b)
    return len(a & b) / either if either else None
