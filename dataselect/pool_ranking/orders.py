"""Orders of pools by one number, the pairs that the data distinguish, and the agreement of several orders.

Two pools are *distinguishable* by a number if the bootstrap interval of their difference excludes 0. The difference is
that of the means behind the numbers: of a perplexity in nats per token, so that it is the logarithm of their ratio; of
bits per byte and cosines as they are. Comparing k pools makes k (k - 1) / 2 pairs, of which one in twenty may seem to
differ by chance; their number is printed. Overlap of the two pools' own intervals is not used: it is too strict.

Over several models, a pair of pools is

    general         every model puts the same pool first, and every model distinguishes the two
    model-specific  two models distinguish them and put different pools first
    undecided       anything else: some model cannot distinguish them, which is no evidence for either

and two orders agree by Kendall's tau-b of their numbers: (pairs alike - pairs opposed) / pairs, with ties (Kendall
1945, Biometrika 33:239); 1 for the same order, -1 for the opposite. With few pools it can take few values.

Left out: a correction for many pairs, and any claim that the first pool is the best to train on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

from dataselect.pool_ranking.bootstrap import difference_interval
from dataselect.pool_ranking.measures import PoolMeasures
from dataselect.records import Direction

Verdict = Literal["general", "model-specific", "undecided"]


@dataclass(frozen=True, slots=True)
class PoolPair:
    """Two pools of one order, the earlier one first.

    Attributes:
        difference: Of the first minus the second, on the scale of the means.
        ci_low, ci_high: Its 95 % interval; None where a pool has a single row.
    """

    first: str
    second: str
    difference: float
    ci_low: float | None
    ci_high: float | None

    @property
    def distinguishable(self) -> bool:
        """True if the interval excludes 0."""
        return self.ci_low is not None and self.ci_high is not None and not self.ci_low <= 0.0 <= self.ci_high


@dataclass(frozen=True, slots=True)
class PoolOrder:
    """Pools in order of one number.

    Attributes:
        by: The number.
        model: Of which model; None for similarities.
        direction: Which end comes first.
        pools: Names, first to last; equal numbers by name.
        pairs: Every pair of them.
        without: Pools that have no such number.
    """

    by: str
    model: str | None
    direction: Direction
    pools: tuple[str, ...]
    pairs: tuple[PoolPair, ...]
    without: tuple[str, ...]

    def pair(self, one: str, other: str) -> PoolPair | None:
        """Return the pair of two pools; None if one of them has no number."""
        return next((pair for pair in self.pairs if {pair.first, pair.second} == {one, other}), None)


def order_pools(pools: Sequence[PoolMeasures], by: str, model: str | None, direction: Direction) -> PoolOrder:
    """Put pools in order of a number.

    Args:
        direction: "lower": the lowest first.
    """
    sign = 1.0 if direction == "lower" else -1.0
    means = {pool.pool: found for pool in pools if (found := pool.measure(by, model).ratio) is not None}
    names = sorted(means, key=lambda name: (sign * means[name].estimate, name))
    pairs = []
    for first, second in combinations(names, 2):
        interval = difference_interval(means[first], means[second])
        difference = means[first].estimate - means[second].estimate
        ends = (None, None) if interval is None else (interval.low, interval.high)
        pairs.append(PoolPair(first, second, difference, *ends))
    without = tuple(pool.pool for pool in pools if pool.pool not in means)
    return PoolOrder(
        by=by, model=model, direction=direction, pools=tuple(names), pairs=tuple(pairs), without=without
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class KendallTau:
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
        distinguished_by: Models that distinguish the two.
    """

    pools: tuple[str, str]
    first_by_model: dict[str, str]
    distinguished_by: tuple[str, ...]
    verdict: Verdict

    @property
    def alike(self) -> bool:
        """True if all models put the same pool first, distinguished or not."""
        return len(set(self.first_by_model.values())) == 1


def kendall(first: str, second: str, values: Mapping[str, tuple[float | None, float | None]]) -> KendallTau:
    """Compute tau-b of two numbers over pools.

    Args:
        first, second: Names of the numbers.
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
    return KendallTau(first, second, len(both), alike / scale if scale else None)


def pair_verdicts(orders: Sequence[PoolOrder], pools: Sequence[str]) -> tuple[PairVerdict, ...]:
    """Judge every pair of pools that all models have a number of.

    Args:
        orders: One per model, by the same number.
        pools: Names of all pools.
    """
    return tuple(found for pair in combinations(pools, 2) if (found := _verdict(orders, pair)) is not None)


def _verdict(orders: Sequence[PoolOrder], pools: tuple[str, str]) -> PairVerdict | None:
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
