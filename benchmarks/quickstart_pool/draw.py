"""Seeded draws for the makers of the quickstart pool.

Everything goes through `Generator.integers`, so that one short, stable piece of NumPy decides the bytes of the
pool: the other methods of a Generator have changed their streams between releases more often. No draw depends
on hashing or on the order of a set.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

T = TypeVar("T")


class Draw:
    """A stream of seeded draws.

    Args:
        entropy: Non-negative integers that name the stream, such as a seed and the number of a purpose; streams of
            different names are independent.
    """

    def __init__(self, *entropy: int) -> None:
        self._generator = np.random.default_rng(list(entropy))

    def integer(self, low: int, high: int) -> int:
        """An integer from `low` to `high`, both included."""
        return int(self._generator.integers(low, high + 1))

    def chance(self, percent: int) -> bool:
        """True in `percent` of a hundred draws."""
        return self.integer(0, 99) < percent

    def pick(self, options: Sequence[T]) -> T:
        """One of `options`, each equally likely."""
        return options[self.integer(0, len(options) - 1)]

    def shuffled(self, options: Sequence[T]) -> list[T]:
        """A new list of `options` in a uniformly random order (Fisher and Yates)."""
        order = list(options)
        for last in range(len(order) - 1, 0, -1):
            other = self.integer(0, last)
            order[last], order[other] = order[other], order[last]
        return order

    def sample(self, options: Sequence[T], count: int) -> list[T]:
        """`count` different members of `options` in random order."""
        return self.shuffled(options)[:count]
