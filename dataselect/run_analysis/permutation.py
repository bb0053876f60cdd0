"""Permutation tests of properties against scores, with the data set as the unit, for a whole family of tests.

If the property had no relation with the score, it could be permuted among the data sets. So columns of the grid are
permuted, the same way for every model, which keeps what the models have in common; the statistic is Spearman's rho of
the resulting pairs, and p the share of permutations at least as far from 0 as what was found. Each sum behind rho is a
sum of one cell per column of a matrix A, sum_j A[order(j), j], where A sums over the models first: one permutation
costs as much for a hundred models as for one.

    exact   where at most 50,000 orders differ (eight data sets; more, where data sets with equal columns make orders
            the same): all of them are tried, and p is their share
    drawn   otherwise: p = (1 + k) / (1 + n), with k of n random permutations at least as far as what was found, so that
            it is never 0 (Phipson and Smyth 2010). A test with fewer than 20 such permutations continues with ten times
            as many, and so on, up to 400 for each test of the family: enough for p to stay below 0.05 when it is
            multiplied by the number of tests

Continuing where p is small does not make p too small (as in Besag and Clifford 1991, Biometrika 78:301). For a level a,
take the first stage whose n allows (1 + 20) / (1 + n) <= a, or the last one. A test that stopped before it has p > a;
one that ends with p <= a had (1 + k) / (1 + n) <= a there, which has a chance of at most a, as in any test of n draws.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from dataselect.comparison.bootstrap import named_generator
from dataselect.run_analysis.run_table import Floats

EXACT = 50_000
"""Orders up to which all are tried."""

ENOUGH = 20
"""Permutations at least as far as what was found, from which on p is known well enough."""

PER_TEST = 400
"""Most permutations for each test of a family: the smallest p, times the number of tests, is 1 / 400."""

_GROWTH, _CELLS, _ROUNDING = 10, 2**20, 1e-9
_IN_THE_TAIL = 5
"""Drawn permutations beyond a rho that it takes to report it as the one that would have been shown."""


@dataclass(frozen=True, slots=True)
class PermutationResult:
    """The result of one test.

    Attributes:
        p: Two-sided.
        least: The smallest p that any outcome with these values could have had.
        shown_from: The smallest distance of rho from 0 with p at or below the level; None where there is none, or too
            few permutations were drawn to estimate it.
        permutations: How many were tried or drawn; `exact` says which.
    """

    p: float
    least: float
    shown_from: float | None
    permutations: int
    exact: bool


@dataclass(frozen=True, slots=True, eq=False)
class PermutationTest:
    """One test: the sums that its statistic needs of two grids.

    Attributes:
        sums: (1, d, d) where no cell is missing, so that means and variances stay what they are: rho itself, in parts.
            Otherwise (6, d, d): counts, both sums, both squares, products.
        groups: (d,) group of each column that is permuted; columns of a group are equal.
    """

    sums: Floats
    groups: NDArray[np.int64]

    @classmethod
    def of(cls, x: Floats, y: Floats) -> PermutationTest:
        """From (n_models, n_datasets) grids with NaN where there is none.

        Ranks are over all known cells of each grid; without missing cells the statistic is Spearman's rho exactly.
        """
        sides = [_ranked(one) for one in (x, y)]
        groups = [np.unique(np.vstack(side), axis=1, return_inverse=True)[1].ravel() for side in sides]
        if _orders(groups[1]) < _orders(groups[0]):  # permuting either side gives the same permutations
            sides.reverse()
            groups.reverse()
        (known_x, ranks_x), (known_y, ranks_y) = sides
        products = ranks_x.T @ ranks_y
        if known_x.all() and known_y.all():
            scale = math.sqrt(float((ranks_x**2).sum() * (ranks_y**2).sum()))
            return cls((products / scale if scale else products * np.nan)[None], groups[0])
        counts, of_x, of_y = known_x.T @ known_y, ranks_x.T @ known_y, known_x.T @ ranks_y
        squares = (ranks_x**2).T @ known_y, known_x.T @ (ranks_y**2)
        return cls(np.array([counts, of_x, of_y, *squares, products]), groups[0])

    @property
    def size(self) -> int:
        """Number of data sets."""
        return len(self.groups)

    @property
    def orders(self) -> int:
        """Number of different orders of the columns."""
        return _orders(self.groups)

    @property
    def found(self) -> float:
        """The distance of rho from 0 as things are; NaN where one side is constant."""
        return float(self._distances(np.arange(self.size)[:, None], np.nan)[0])

    def distances(self, orders: NDArray[np.intp]) -> Floats:
        """(n,) distances of rho from 0 for (d, n) orders of the columns; 0 where one side is constant."""
        return self._distances(orders, 0.0)

    def _distances(self, orders: NDArray[np.intp], undefined: float) -> Floats:
        sums = np.zeros((len(self.sums), orders.shape[1]))
        for column, order in zip(np.ascontiguousarray(self.sums.transpose(2, 0, 1)), orders, strict=True):
            sums += column.take(order, axis=1)
        if len(sums) == 1:
            rho: Floats = np.abs(sums[0])
            return rho
        n, x, y, xx, yy, xy = sums
        n = np.maximum(n, 1.0)
        spreads = [np.where(s - m**2 / n > _ROUNDING * s, s - m**2 / n, 0.0) for s, m in ((xx, x), (yy, y))]
        size = np.sqrt(spreads[0] * spreads[1])
        rho = np.divide(xy - x * y / n, size, out=np.full(len(size), undefined), where=size > 0)
        return np.abs(rho)


def p_values(tests: Sequence[PermutationTest], level: float, first: int, seed: int) -> list[PermutationResult]:
    """Test a family, so sharply that the smallest p can be multiplied by the number of tests.

    Args:
        tests: Those whose `found` is defined.
        level: What the smallest p of the family has to reach: 0.05 over the number of tests.
        first: Permutations that every test has at least, where it is not exact.
    """
    found: dict[int, PermutationResult] = {}
    drawn: dict[int, list[int]] = {}
    for place, test in enumerate(tests):
        if test.orders <= EXACT:
            found[place] = _exact(test, level)
        else:
            drawn.setdefault(test.size, []).append(place)
    for places in drawn.values():
        made = _drawn([tests[place] for place in places], level, first, PER_TEST * len(tests), seed)
        found |= zip(places, made, strict=True)
    return [found[place] for place in range(len(tests))]


def _exact(test: PermutationTest, level: float) -> PermutationResult:
    sizes = np.bincount(test.groups)
    first_of = np.array([np.argmax(test.groups == group) for group in range(len(sizes))])
    distances = np.sort(test.distances(first_of[_arrangements(tuple(sizes.tolist())).T]))
    n = len(distances)
    beyond = n - np.searchsorted(distances, distances - _ROUNDING)  # how many are at least as far as each
    shown = distances[beyond < _below(level) * n]
    p = float((n - np.searchsorted(distances, test.found - _ROUNDING)) / n)
    return PermutationResult(p, float(beyond[-1] / n), float(shown[0]) if len(shown) else None, n, exact=True)


@lru_cache(maxsize=4)
def _arrangements(sizes: tuple[int, ...]) -> NDArray[np.int8]:
    """(n, d): every order of as many of each group as there are, once."""
    rows = np.zeros((1, 0), dtype=np.int8)
    left = np.array([sizes])
    for _ in range(sum(sizes)):
        parents, groups = np.nonzero(left)
        rows = np.hstack([rows[parents], groups[:, None].astype(np.int8)])
        left = left[parents]
        left[np.arange(len(groups)), groups] -= 1
    return rows


def _stages(first: int, most: int) -> Iterator[int]:
    """Yield the number of permutations after each stage."""
    yield first
    while first < most:
        first = min(most, _GROWTH * first)
        yield first


@dataclass(slots=True, eq=False)
class _Running:
    """A test under way: `beyond` of `drawn` permutations were at least as far as what was found."""

    test: PermutationTest
    bound: float
    keep: int
    beyond: int = 0
    drawn: int = 0
    farthest: Floats = field(default_factory=lambda: np.zeros(0))

    def see(self, orders: NDArray[np.intp]) -> None:
        distances = self.test.distances(orders)
        self.beyond += int(np.sum(distances >= self.bound))
        if not self.drawn and self.keep:
            self.farthest = np.sort(np.concatenate([self.farthest, distances]))[-self.keep :]

    def result(self, most: int) -> PermutationResult:
        farthest = self.farthest[self.farthest > self.farthest[0] + _ROUNDING] if self.keep else self.farthest
        shown_from = float(farthest[0]) if len(farthest) else None
        least = max(1 / (1 + most), 1 / self.test.orders)
        return PermutationResult((1 + self.beyond) / (1 + self.drawn), least, shown_from, self.drawn, exact=False)


def _drawn(tests: Sequence[PermutationTest], level: float, first: int, most: int, seed: int) -> list[PermutationResult]:
    """Of tests of one size: all see the same permutations, as far as they go."""
    allowed = math.ceil(_below(level) * (1 + first)) - 2  # so many beyond it, and p is below the level
    keep = allowed + 1 if allowed >= _IN_THE_TAIL else 0
    running = [_Running(test, test.found - _ROUNDING, keep) for test in tests]
    rng = named_generator(seed, "permutation", str(tests[0].size))
    before = 0
    for stage in _stages(first, most):
        going_on = [one for one in running if one.beyond < ENOUGH]
        for orders in _blocks(tests[0].size, stage - before, rng):
            for one in going_on:
                one.see(orders)
        for one in going_on:
            one.drawn = stage
        before = stage
    return [one.result(max(first, most)) for one in running]


def _below(level: float) -> float:
    """A number is below it only if it is below the level by more than rounding."""
    return level * (1 - _ROUNDING)


def _blocks(size: int, n: int, rng: np.random.Generator) -> Iterator[NDArray[np.intp]]:
    """(size, columns) random orders, n in all."""
    at_once = max(1, _CELLS // size)
    for begin in range(0, n, at_once):
        rows = np.tile(np.arange(size, dtype=np.int16), (min(at_once, n - begin), 1))
        yield np.ascontiguousarray(rng.permuted(rows, axis=1).T, dtype=np.intp)


def _orders(groups: NDArray[np.int64]) -> int:
    return math.factorial(len(groups)) // math.prod(math.factorial(n) for n in np.bincount(groups).tolist())


def _ranked(values: Floats) -> tuple[Floats, Floats]:
    """(n_models, n_datasets) of 1 where known, else 0, and of ranks minus their mean, 0 where there is none."""
    from scipy.stats import rankdata

    known = np.isfinite(values)
    size = float(np.max(np.abs(values[known]), initial=1e-300))
    ranks = np.zeros(values.shape)
    ranks[known] = rankdata(np.round(values[known] / size, 12))  # so that equal numbers stay equal
    ranks[known] -= (known.sum() + 1) / 2
    return known.astype(np.float64), ranks
