"""Intervals: by hand on a tiny table, by simulation with known variance components, and at the edges."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from dataselect.analysis.intervals import paired_difference


def test_by_hand():
    """Two items more would change nothing: every step of the formula is spelled out.

    control, 2 seeds:  1 2 3 4 -> mean 2.5       strategy, 2 seeds:  3 3 5 5 -> mean 4
                       1 4 3 6 -> mean 3.5                           3 5 5 7 -> mean 5
    item means:        1 3 3 5                                       3 4 5 6
    """
    control = np.array([[1.0, 2, 3, 4], [1, 4, 3, 6]])
    strategy = np.array([[3.0, 3, 5, 5], [3, 5, 5, 7]])
    d = [3 - 1, 4 - 3, 5 - 3, 6 - 5]  # 2 1 2 1, mean 1.5
    items = sum((x - 1.5) ** 2 for x in d) / 3 / 4  # A = (4 * 0.25 / 3) / 4 = 1/12
    pooled = ((2.5 - 3) ** 2 + (3.5 - 3) ** 2 + (4 - 4.5) ** 2 + (5 - 4.5) ** 2) / 2  # s2 = 1 / 2, two dof
    seeds = pooled * (1 / 2 + 1 / 2)  # B = 1/2
    dof = (items + seeds) ** 2 / (items**2 / 3 + seeds**2 / 2)
    half = stats.t.ppf(0.975, dof) * math.sqrt(items + seeds)

    found = paired_difference(strategy, control)

    assert (items, seeds) == (pytest.approx(1 / 12), 0.5)
    assert found.estimate == pytest.approx(1.5)
    assert (found.ci_low, found.ci_high) == (pytest.approx(1.5 - half), pytest.approx(1.5 + half))
    assert found.p == pytest.approx(2 * stats.t.sf(1.5 / math.sqrt(items + seeds), dof))
    assert found.seed_noise


def test_one_seed_each_is_the_paired_t_test():
    rng = np.random.default_rng(0)
    strategy, control = rng.normal(size=(1, 30)), rng.normal(size=(1, 30))
    truth = stats.ttest_rel(strategy[0], control[0])
    found = paired_difference(strategy, control)
    low, high = truth.confidence_interval(0.95)
    assert (found.p, found.ci_low, found.ci_high) == tuple(map(pytest.approx, (truth.pvalue, low, high)))
    assert not found.seed_noise


def test_seeds_alone_are_the_two_sample_t_test():
    """With the same difference on every item, A is 0 and what is left is Student's t test of the seeds' means."""
    strategy = np.array([[1.0], [1.4], [1.3]]) + np.arange(5)
    control = np.array([[0.6], [0.9], [0.7]]) + np.arange(5)
    truth = stats.ttest_ind([1.0, 1.4, 1.3], [0.6, 0.9, 0.7])
    assert paired_difference(strategy, control).p == pytest.approx(truth.pvalue)


@pytest.mark.parametrize(("random_seeds", "strategy_seeds"), [(3, 1), (3, 3), (5, 1), (5, 3)])
@pytest.mark.parametrize(
    ("interaction", "seed", "residual"), [(0.5, 0.02, 0.2), (0.5, 0.05, 0.5), (0.8, 0.03, 0.1)]
)  # standard deviations: strategy by item, seed, seed by item
def test_coverage(random_seeds, strategy_seeds, interaction, seed, residual):
    """2,000 comparisons without a true difference: the interval holds zero in 93 to 98 of 100."""
    rng = np.random.default_rng(11)
    n_items, comparisons = 100, 2000
    difficulty = rng.normal(0, 1, (comparisons, 1, n_items))

    def arm(seeds):
        taste = rng.normal(0, interaction / math.sqrt(2), (comparisons, 1, n_items))
        noise = rng.normal(0, seed, (comparisons, seeds, 1)) + rng.normal(0, residual, (comparisons, seeds, n_items))
        return difficulty + taste + noise

    found = map(paired_difference, arm(strategy_seeds), arm(random_seeds))
    assert 0.93 <= np.mean([d.ci_low <= 0 <= d.ci_high for d in found]) <= 0.98


def test_noise_of_seeds_from_a_third_arm_by_hand():
    """One seed each: s2 is that of the third arm alone, whose means are 1 and 2: 2 * 0.5^2 / 1 = 0.5, so B = 1."""
    strategy, control = np.array([[1.0, 2.0, 4.0]]), np.array([[0.0, 0.0, 1.0]])
    items = ((1 - 2) ** 2 + 0 + (3 - 2) ** 2) / 2 / 3  # d = 1 2 3, A = 1/3
    dof = (items + 1) ** 2 / (items**2 / 2 + 1**2 / 1)
    found = paired_difference(strategy, control, [np.array([[1.0, 1, 1], [2, 2, 2]])])
    assert found.seed_noise
    assert found.ci_high == pytest.approx(2 + stats.t.ppf(0.975, dof) * math.sqrt(items + 1))


def test_a_true_difference_is_found():
    rng = np.random.default_rng(1)
    item = rng.normal(size=200)
    strategy = item + 0.3 + rng.normal(0, 0.02, (3, 1)) + rng.normal(0, 0.2, (3, 200))
    control = item + rng.normal(0, 0.02, (3, 1)) + rng.normal(0, 0.2, (3, 200))
    found = paired_difference(strategy, control)
    assert found.shown
    assert found.ci_low < 0.3 < found.ci_high


def test_identical_outcomes_show_nothing():
    """0.1 three times over is 0.30000000000000004 / 3: rounding must not become a difference."""
    found = paired_difference(np.full((1, 50), 0.1), np.full((3, 50), 0.1))
    assert (found.estimate, found.ci_low, found.ci_high, found.p, found.shown) == (0.0, 0.0, 0.0, 1.0, False)


@pytest.mark.parametrize(("n", "p", "shown"), [(4, 0.125, False), (6, 0.03125, True)])
def test_the_same_difference_everywhere_is_left_to_the_sign_test(n, p, shown):
    found = paired_difference(np.ones((1, n)), np.zeros((2, n)))
    assert (found.estimate, found.ci_low, found.ci_high, found.p, found.shown) == (1.0, None, None, p, shown)


def test_one_item_says_nothing():
    found = paired_difference(np.ones((3, 1)), np.zeros((3, 1)))
    assert (found.estimate, found.p, found.shown) == (1.0, None, False)


def test_tiny_numbers_do_not_underflow():
    rng = np.random.default_rng(2)
    large = paired_difference(rng.normal(1, 1, (2, 20)), rng.normal(0, 1, (2, 20)))
    rng = np.random.default_rng(2)
    small = paired_difference(rng.normal(1, 1, (2, 20)) * 1e-90, rng.normal(0, 1, (2, 20)) * 1e-90)
    assert small.p == pytest.approx(large.p)
