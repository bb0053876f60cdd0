"""How far several orders of the same pools agree: what holds for all models, and what only for some.

    tau     Kendall's tau-b of two orders' numbers: (pairs alike - pairs opposed) / pairs, with ties (Kendall 1945,
            Biometrika 33:239); 1 for the same order, -1 for the opposite. With few pools it can take few values.

A pair of pools is, over several models,

    general         every model puts the same pool first, and every model distinguishes the two
    model-specific  two models distinguish them and put different pools first
    undecided       anything else: some model cannot tell them apart, which is no evidence for either
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

from dataselect.ranking.ordering import Order

Verdict = Literal["general", "model-specific", "undecided"]


@dataclass(frozen=True, slots=True)
class Tau:
    """Kendall's tau-b of two orders over the pools that both hold; None for fewer than two pools or only ties."""

    first: str
    second: str
    pools: int
    tau: float | None


@dataclass(frozen=True, slots=True)
class PairVerdict:
    """Two pools under all models.

    Attributes:
        first_by_model: model -> the pool that it puts first.
        distinguished_by: Models that tell the two apart.
        alike: Whether all models put the same pool first, told apart or not.
    """

    pools: tuple[str, str]
    first_by_model: dict[str, str]
    distinguished_by: tuple[str, ...]
    verdict: Verdict

    @property
    def alike(self) -> bool:
        """See the class."""
        return len(set(self.first_by_model.values())) == 1


def kendall(first: str, second: str, values: Mapping[str, tuple[float | None, float | None]]) -> Tau:
    """Tau-b of two numbers over pools.

    Args:
        first, second: What the numbers are called.
        values: pool -> both numbers, each so that lower comes first.
    """
    both = [(a, b) for a, b in values.values() if a is not None and b is not None]
    alike = tied_a = tied_b = 0
    for (a, b), (c, d) in combinations(both, 2):
        alike += _sign(a - c) * _sign(b - d)
        tied_a += a == c
        tied_b += b == d
    pairs = len(both) * (len(both) - 1) // 2
    scale = ((pairs - tied_a) * (pairs - tied_b)) ** 0.5
    return Tau(first, second, len(both), alike / scale if scale else None)


def pair_verdicts(orders: Sequence[Order], pools: Sequence[str]) -> tuple[PairVerdict, ...]:
    """Judge every pair of pools that all models have a number of.

    Args:
        orders: One per model, by the same number.
        pools: Names of all pools.
    """
    return tuple(found for pair in combinations(pools, 2) if (found := _verdict(orders, pair)) is not None)


def _verdict(orders: Sequence[Order], pools: tuple[str, str]) -> PairVerdict | None:
    firsts: dict[str, str] = {}
    certain: dict[str, str] = {}
    for order in orders:
        pair = order.pair(*pools)
        if pair is None:
            return None
        assert order.model is not None
        firsts[order.model] = pair.first
        if pair.distinguishable:
            certain[order.model] = pair.first
    opposed = len(set(certain.values())) > 1
    agreed = len(set(certain.values())) == 1 and len(certain) == len(firsts)
    verdict: Verdict = "model-specific" if opposed else "general" if agreed else "undecided"
    return PairVerdict(pools, firsts, tuple(certain), verdict)


def _sign(x: float) -> int:
    return (x > 0) - (x < 0)
