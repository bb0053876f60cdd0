"""Pools in the order of one number, and which of them the data really tell apart.

Two pools are *distinguishable* by a number if the bootstrap interval of their difference leaves out 0. The difference
is that of the means behind the numbers: of a perplexity in nats per token, so that it is the logarithm of their ratio;
of bits per byte and cosines as they are. Comparing k pools makes k (k - 1) / 2 pairs, of which one in twenty may seem
to differ by chance; how many there are is told. Overlap of the two pools' own intervals is not used: it asks for more.

Left out: a correction for many pairs, and any claim that the first pool is the best to train on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

from dataselect.ranking.bootstrap import difference_interval
from dataselect.ranking.measures import PoolMeasures

Direction = Literal["lower", "higher"]


@dataclass(frozen=True, slots=True)
class Pair:
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
        """Whether the interval leaves out 0."""
        return self.ci_low is not None and self.ci_high is not None and not self.ci_low <= 0.0 <= self.ci_high


@dataclass(frozen=True, slots=True)
class Order:
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
    pairs: tuple[Pair, ...]
    without: tuple[str, ...]

    def pair(self, one: str, other: str) -> Pair | None:
        """The pair of two pools; None if one of them has no number."""
        return next((pair for pair in self.pairs if {pair.first, pair.second} == {one, other}), None)


def order(pools: Sequence[PoolMeasures], by: str, model: str | None, direction: Direction) -> Order:
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
        pairs.append(Pair(first, second, difference, *ends))
    without = tuple(pool.pool for pool in pools if pool.pool not in means)
    return Order(by, model, direction, tuple(names), tuple(pairs), without)
