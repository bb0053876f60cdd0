"""Permutation tests against every order written out, scipy's own exact test and very long runs; and what p can be."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from scipy import stats

from dataselect.run_analysis.permutation import ENOUGH, PER_TEST, PermutationTest, p_values


def slow_rho(x, y):
    """Spearman of the pairs that are known, on the ranks of all known cells of each grid."""
    ranks = []
    for side in (x, y):
        known = np.isfinite(side)
        ranked = np.full(side.shape, np.nan)
        ranked[known] = stats.rankdata(side[known])
        ranks.append(ranked.ravel())
    both = np.isfinite(ranks[0]) & np.isfinite(ranks[1])
    a, b = (one[both] for one in ranks)
    return abs(np.corrcoef(a, b)[0, 1]) if len(a) > 1 and np.ptp(a) and np.ptp(b) else 0.0


def slow_p(x, y):
    """Share of all orders at least as far, and the smallest that any outcome could have had: one by one."""
    values = np.array([slow_rho(x[:, order], y) for order in itertools.permutations(range(x.shape[1]))])
    return tuple(float(np.mean(values >= bound - 1e-9)) for bound in (slow_rho(x, y), values.max()))


def asked(x, y, tests=1, first=999, seed=0):
    """One test in a family of so many; the others are quick."""
    x, y = (np.atleast_2d(np.asarray(side, dtype=float)) for side in (x, y))
    others = [PermutationTest.of(np.arange(5.0)[None], np.arange(5.0)[None])] * (tests - 1)
    return p_values([PermutationTest.of(x, y), *others], 0.05 / tests, first, seed)[0]


def test_five_data_sets_by_hand():
    # 5! = 120 orders; only the order itself and its reverse are as far as rho = 1: 2 / 120
    found = asked([1, 2, 3, 4, 5], [10, 20, 30, 40, 50])
    assert (found.p, found.least, found.permutations, found.exact) == (2 / 120, 2 / 120, 120, True)
    # one neighbouring pair swapped: rho = 1 - 6 * 2 / (5 * 24) = 0.9; 4 neighbouring pairs, either way round, and the 2:
    # (2 + 8) / 120. A level of 0.05 lets through p < 0.05, that is fewer than 6 orders: only rho = 1
    found = asked([1, 2, 3, 4, 5], [10, 20, 30, 50, 40])
    assert (found.p, found.shown_from) == (10 / 120, pytest.approx(1.0))


def test_equal_data_sets_make_fewer_orders():
    # two of six data sets have the property: 6! / (2! 4!) = 15 orders. The two lowest scores are farthest, and so are
    # the two highest: 2 / 15 at best, whatever the scores are
    found = asked([1, 1, 0, 0, 0, 0], [1, 2, 3, 4, 5, 6])
    assert (found.permutations, found.p, found.least, found.shown_from) == (15, 2 / 15, 2 / 15, None)
    # the same where the scores are equal and the property is not: dealing out either gives the same orders
    assert asked([1, 2, 3, 4, 5, 6], [1, 1, 0, 0, 0, 0]) == found


@pytest.mark.parametrize("seed", range(6))
def test_exact_p_is_that_of_every_order_written_out(seed):
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(2, 3, 6))
    y += x.mean(axis=0)
    if seed % 2:
        x, y = np.round(x), np.round(y)  # ties
    if seed > 1:
        x = np.where(rng.random(x.shape) < 0.2, np.nan, x)  # holes
        y = np.where(np.isnan(x), np.nan, y)
        x[:, 0] = y[:, 0] = [1.5, np.nan, -2.0]
    found = asked(x, y)
    assert found.exact
    assert (found.p, found.least) == pytest.approx(slow_p(x, y))
    assert PermutationTest.of(x, y).found == pytest.approx(slow_rho(x, y))


def test_eight_data_sets_are_scipys_exact_test():
    rng = np.random.default_rng(5)
    x = rng.normal(size=8)
    y = 0.6 * x + rng.normal(size=8)

    def distance(values, axis):
        ranks = stats.rankdata(values, axis=axis) - 4.5
        return np.abs(ranks @ (stats.rankdata(y) - 4.5)) / 42  # 42: sum of squares of -3.5 to 3.5

    reference = stats.permutation_test(
        (x,), distance, permutation_type="pairings", n_resamples=50_000, alternative="greater", vectorized=True
    )
    found = asked(x, y)
    assert (found.exact, found.permutations) == (True, math.factorial(8))
    assert found.p == pytest.approx(reference.pvalue, abs=1e-9)


def test_drawn_p_is_that_of_all_orders_of_nine_data_sets():
    """9! = 362,880 orders are too many to be tried by the test; here they are all tried, by matrix products."""
    rng = np.random.default_rng(1)
    orders = np.array(list(itertools.permutations(range(9))))
    for noise in (0.2, 0.5, 2.0):
        x = rng.normal(size=9)
        y = x + noise * rng.normal(size=9)
        ranks = [stats.rankdata(side) - 5 for side in (x, y)]
        rho = np.abs(ranks[0][orders] @ ranks[1]) / 60  # sum of squares of -4 to 4
        exact = np.mean(rho >= abs(ranks[0] @ ranks[1]) / 60 - 1e-9)
        found = asked(x, y, tests=700, first=9999)
        assert not found.exact
        spread = math.sqrt(exact / found.permutations) + 1 / found.permutations
        assert abs(found.p - exact) < 4 * spread


def test_a_drawn_p_of_models_with_holes_is_that_of_a_long_run_of_another_code():
    rng = np.random.default_rng(3)
    x = np.tile(rng.normal(size=10), (4, 1))
    y = 0.5 * x + 2 * rng.normal(size=(4, 10))
    x[1, 3] = y[1, 3] = np.nan
    bound = slow_rho(x, y)
    long = np.mean([slow_rho(x[:, rng.permutation(10)], y) >= bound - 1e-9 for _ in range(10_000)])
    found = asked(x, y, tests=100, first=9999)
    assert 0.0005 < long < 0.5
    assert abs(found.p - long) < 4 * math.sqrt(long / 10_000 + found.p / found.permutations)


def test_a_test_goes_on_only_while_p_is_small():
    # most = 400 * 700 = 280,000: stages 9,999, 99,990 and 280,000; the smallest p is 1 / 280,001, times 700 = 0.0025
    close = asked(np.arange(12), np.arange(12), tests=700, first=9999)
    assert (close.permutations, close.p) == (280_000, pytest.approx(1 / 280_001))
    assert close.least == 1 / (1 + PER_TEST * 700)
    far = asked(np.arange(12), [1, 0, 2, 3, 4, 9, 5, 6, 8, 7, 11, 10], tests=700, first=9999)
    middle = asked(np.arange(12), np.random.default_rng(0).permutation(12), tests=700, first=9999)
    assert far.permutations >= 99_990
    assert middle.permutations == 9999
    for one in (far, middle):
        assert one.permutations == 280_000 or one.p * (1 + one.permutations) >= 1 + ENOUGH


def test_no_level_is_reached_too_often():
    """300 tests of nothing with early stages of 99: p <= a in at most a of them, for levels on both sides of stages.

    With stages of 99, 990 and 2,000 draws, a p of 0.1 may stem from the first stage, one of 0.01 from the second only.
    """
    rng = np.random.default_rng(8)
    p = np.array(
        [
            p_values([PermutationTest.of(rng.normal(size=(1, 12)), rng.normal(size=(1, 12)))] * 5, 0.01, 99, seed)[0].p
            for seed in range(600)
        ]
    )
    for level in (0.01, 0.05, 0.1, 0.25, 0.5):
        assert stats.binom.sf(np.sum(p <= level) - 1, len(p), level) > 0.001
    assert p.min() < 0.01


def test_what_would_have_been_shown_is_the_quantile_of_the_permutations():
    # 12 data sets without ties: rho at 1 % (two-sided) is 0.727 (Zar 1972: 0.727 at n = 12), from 9,999 draws
    found = asked(np.arange(12), np.random.default_rng(2).permutation(12), tests=5, first=9999)
    assert found.shown_from == pytest.approx(0.727, abs=0.02)
    assert asked(np.arange(12), np.arange(12), tests=200, first=9999).shown_from is None  # 2.5 draws are too few
    at_it = asked(np.arange(7), [0, 1, 2, 3, 4, 6, 5])
    reached = [asked(np.arange(7), order) for order in ([0, 1, 2, 4, 3, 6, 5], [3, 1, 0, 2, 5, 4, 6])]
    for one in (at_it, *reached):
        assert one.shown_from == at_it.shown_from  # it is of the values, not of the outcome
    assert (at_it.p < 0.05) == (
        PermutationTest.of(np.arange(7.0)[None], np.array([[0, 1, 2, 3, 4, 6, 5.0]])).found >= at_it.shown_from
    )


def test_the_same_seed_gives_the_same_and_a_constant_side_has_no_number():
    x, y = np.random.default_rng(0).normal(size=(2, 11))
    assert asked(x, y) == asked(x, y)
    assert asked(x, y).p != asked(x, y, seed=1).p
    assert math.isnan(PermutationTest.of(np.ones((1, 9)), np.arange(9.0)[None]).found)
