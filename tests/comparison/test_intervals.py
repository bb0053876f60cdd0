"""Intervals: by hand on a tiny table, against Banerjee's bound by simulation, against a slow truth, and at the edges."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from dataselect.comparison.intervals import VarianceEstimate, half_width, p_value, paired_difference, seed_variance

T = stats.t.ppf


def test_by_hand():
    """Every step of the formula is spelled out.

    control, 2 seeds:  1 2 3 4 -> mean 2.5       strategy, 2 seeds:  3 3 5 5 -> mean 4
                       1 4 3 6 -> mean 3.5                           4 5 5 8 -> mean 5.5
    item means:        1 3 3 5                                       3.5 4 5 6.5
    """
    control = np.array([[1.0, 2, 3, 4], [1, 4, 3, 6]])
    strategy = np.array([[3.0, 3, 5, 5], [4, 5, 5, 8]])
    d = [3.5 - 1, 4 - 3, 5 - 3, 6.5 - 5]  # 2.5 1 2 1.5, mean 1.75
    items = sum((x - 1.75) ** 2 for x in d) / 3 / 4
    of_strategy = ((4 - 4.75) ** 2 + (5.5 - 4.75) ** 2) / 1 / 2  # variance 1.125 over two seeds
    of_control = ((2.5 - 3) ** 2 + (3.5 - 3) ** 2) / 1 / 2  # variance 0.5
    half = math.sqrt(T(0.975, 3) ** 2 * items + T(0.975, 1) ** 2 * of_strategy + T(0.975, 1) ** 2 * of_control)

    found = paired_difference(strategy, control)

    assert (of_strategy, of_control) == (0.5625, 0.25)
    assert found.estimate == 1.75
    assert (found.ci_low, found.ci_high) == (pytest.approx(1.75 - half), pytest.approx(1.75 + half))
    assert found.seed_noise
    # p is the level at which the half-width is the difference
    level = found.p
    assert T(1 - level / 2, 3) ** 2 * items + T(1 - level / 2, 1) ** 2 * 0.8125 == pytest.approx(1.75**2)


def test_the_correction_takes_an_arm_to_be_as_noisy_as_the_others_and_twice_the_degrees():
    """Seeds' variances are 1.125 and 0.5, the table's arms have 0.8 on average: 1.125 stays, 0.5 becomes 0.8."""
    control = np.array([[1.0, 2, 3, 4], [1, 4, 3, 6]])
    strategy = np.array([[3.0, 3, 5, 5], [4, 5, 5, 8]])
    items = sum((x - 1.75) ** 2 for x in (2.5, 1, 2, 1.5)) / 3 / 4
    found = paired_difference(strategy, control, typical=0.8)
    level = found.p_family
    squared = T(1 - level / 2, 3) ** 2 * items + T(1 - level / 2, 2) ** 2 * (1.125 / 2 + 0.8 / 2)
    assert squared == pytest.approx(1.75**2)
    assert found.p == pytest.approx(
        paired_difference(strategy, control).p
    )  # the interval's own does not know the others
    assert (seed_variance(strategy), seed_variance(control)) == (1.125, 0.5)


def test_blocks_of_neighbours_by_hand():
    """43 items: blocks of 43 // 20 = 2 (the last of 3: 21 blocks) and of 43 // 10 = 4 (the last of 7: 10 blocks)."""
    d = np.random.default_rng(3).normal(size=43)
    found = paired_difference(d[None], np.zeros((2, 43))).estimate
    strategy, control = np.stack([d, d]), np.zeros((2, 43))
    parts = paired_difference(strategy, control).components
    away = [x - found for x in d]
    small = [sum(away[2 * g : 2 * g + 2 if g < 20 else 43]) for g in range(21)]
    large = [sum(away[4 * g : 4 * g + 4 if g < 9 else 43]) for g in range(10)]
    expected = [(21 / 20 * sum(s * s for s in small) / 43**2, 20), (10 / 9 * sum(s * s for s in large) / 43**2, 9)]
    assert [(one.variance, one.dof) for one in parts[0].own] == [(pytest.approx(v), dof) for v, dof in expected]


@pytest.mark.parametrize("n", [2, 5, 19])
def test_few_items_are_blocks_of_their_own(n):
    """Then A is the variance of a mean: with seeds that do not differ, p is that of the paired t test."""
    rng = np.random.default_rng(n)
    strategy, control = rng.normal(size=n), rng.normal(size=n)
    found = paired_difference(np.stack([strategy] * 2), np.stack([control] * 2))
    assert found.p == pytest.approx(stats.ttest_rel(strategy, control).pvalue)


def test_seeds_alone_are_never_surer_than_welchs_test():
    """With the same difference on every item, A is 0: the two variances stay apart, each with its own degrees."""
    strategy = np.array([[1.0], [1.4], [1.3]]) + np.arange(5)
    control = np.array([[0.6], [0.9], [0.7]]) + np.arange(5)
    a, b = np.var([1, 1.4, 1.3], ddof=1), np.var([0.6, 0.9, 0.7], ddof=1)
    found = paired_difference(strategy, control)
    assert found.ci_high - found.estimate == pytest.approx(T(0.975, 2) * math.sqrt((a + b) / 3))
    assert found.p > stats.ttest_ind([1.0, 1.4, 1.3], [0.6, 0.9, 0.7], equal_var=False).pvalue


@pytest.mark.parametrize("scales", [(1, 1, 1), (0.1, 1, 1), (1, 0.1, 3), (0, 1, 0.1), (1, 0, 10)])
def test_the_interval_covers_whatever_the_variances_are(scales):
    """Banerjee's bound: 40,000 draws of three independent parts with 19, 2 and 2 degrees; 95 % and never less."""
    rng = np.random.default_rng(0)
    draws, dofs = 40_000, (19, 2, 2)
    noise = sum(scale * rng.normal(size=draws) for scale in scales)
    squared = sum(
        T(0.975, dof) ** 2 * scale**2 * rng.chisquare(dof, draws) / dof for scale, dof in zip(scales, dofs, strict=True)
    )
    assert np.mean(noise**2 <= squared) >= 0.95 - 3 * math.sqrt(0.95 * 0.05 / draws)
    parts = [[VarianceEstimate(float(scale**2), dof)] for scale, dof in zip(scales, dofs, strict=True)]
    expected = sum(T(0.975, dof) ** 2 * scale**2 for scale, dof in zip(scales, dofs, strict=True))
    assert half_width(parts, 0.05) == pytest.approx(math.sqrt(expected))


@pytest.mark.parametrize("estimate", [1e-3, 0.3, 2.0, 50.0])
def test_p_by_inversion_is_what_a_bisection_finds(estimate):
    parts = [
        [VarianceEstimate(0.2, 19), VarianceEstimate(0.3, 9)],
        [VarianceEstimate(0.05, 2)],
        [VarianceEstimate(0.01, 4)],
    ]
    low, high = 0.0, 1.0
    for _ in range(200):
        middle = (low + high) / 2
        squared = max(0.2 * T(1 - middle / 2, 19) ** 2, 0.3 * T(1 - middle / 2, 9) ** 2)
        squared += 0.05 * T(1 - middle / 2, 2) ** 2 + 0.01 * T(1 - middle / 2, 4) ** 2
        low, high = (middle, high) if squared > estimate**2 else (low, middle)
    assert p_value(estimate, parts) == pytest.approx(low, rel=1e-6)


@pytest.mark.parametrize(("seeds", "random_seeds"), [(1, 3), (3, 1), (1, 1)])
def test_a_side_with_one_seed_has_an_interval_but_no_p(seeds, random_seeds):
    rng = np.random.default_rng(0)
    found = paired_difference(rng.normal(1, 1, (seeds, 30)), rng.normal(0, 1, (random_seeds, 30)))
    assert found.ci_low < found.estimate < found.ci_high
    assert (found.p, found.p_family, found.seed_noise) == (None, None, False)


def test_the_untrained_model_has_no_noise_of_seeds():
    rng = np.random.default_rng(0)
    untrained, control = rng.normal(size=(1, 30)), rng.normal(size=(3, 30))
    found = paired_difference(untrained, control, untrained=True)
    assert found.seed_noise
    assert found.p is not None
    assert len(found.components) == 2  # items, and the seeds of the control


def test_a_true_difference_is_found():
    rng = np.random.default_rng(1)
    item = rng.normal(size=200)
    strategy = item + 0.3 + rng.normal(0, 0.02, (3, 1)) + rng.normal(0, 0.2, (3, 200))
    control = item + rng.normal(0, 0.02, (3, 1)) + rng.normal(0, 0.2, (3, 200))
    found = paired_difference(strategy, control)
    assert found.p < 0.05
    assert found.ci_low < 0.3 < found.ci_high


def test_identical_outcomes_show_nothing():
    """0.1 three times over is 0.30000000000000004 / 3: rounding must not become a difference."""
    found = paired_difference(np.full((2, 50), 0.1), np.full((3, 50), 0.1))
    assert (found.estimate, found.ci_low, found.ci_high, found.p) == (0.0, 0.0, 0.0, 1.0)


@pytest.mark.parametrize(("n", "p"), [(4, 0.125), (6, 0.03125)])
def test_the_same_difference_everywhere_is_left_to_the_sign_test(n, p):
    found = paired_difference(np.ones((2, n)), np.zeros((2, n)))
    assert (found.estimate, found.ci_low, found.ci_high, found.p, found.p_family) == (1.0, None, None, p, p)


def test_one_item_says_nothing():
    found = paired_difference(np.ones((3, 1)), np.zeros((3, 1)))
    assert (found.estimate, found.ci_low, found.p) == (1.0, None, None)


def test_tiny_numbers_do_not_underflow():
    def p(scale):
        rng = np.random.default_rng(2)
        return paired_difference(rng.normal(1, 1, (2, 20)) * scale, rng.normal(0, 1, (2, 20)) * scale).p

    assert p(1e-90) == pytest.approx(p(1.0))
