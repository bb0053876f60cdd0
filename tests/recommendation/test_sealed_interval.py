"""The final's interval: its arithmetic on small tables, what it refuses, and how often it holds the truth."""

import math

import numpy as np
import pytest
from scipy import stats

from dataselect.comparison.intervals import paired_difference
from dataselect.recommendation.decisions import BETTER, EQUIVALENT, UNDECIDED
from dataselect.recommendation.sealed_interval import level_of_look, sealed_difference


def test_seeds_alone_make_welchs_interval():
    """Every item is the same, so that the means of seeds are the outcomes: Welch's t of 1, 2, 3 and 0, 0, 3."""
    finalist, control = (np.tile(np.array([values]).T, 8) for values in ([1.0, 2.0, 3.0], [0.0, 0.0, 3.0]))
    found = sealed_difference(finalist, control)
    expected = stats.ttest_ind([1, 2, 3], [0, 0, 3], equal_var=False).confidence_interval(0.95)
    assert found.estimate == 1.0
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))


def test_items_alone_make_the_interval_of_the_paired_items():
    gaps = np.array([0.0, 1.0, 2.0, 5.0])
    found = sealed_difference(np.tile(gaps, (3, 1)), np.zeros((3, 4)))
    expected = stats.ttest_1samp(gaps, 0.0).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))


def test_noise_of_single_outcomes_counts_once():
    """Outcomes are nothing but noise: V(mean difference) = 2 / (3 * 400); the plain interval has it twice."""
    rng = np.random.default_rng(5)
    ratios = []
    for _ in range(200):
        sides = rng.normal(size=(2, 3, 400))
        found = sealed_difference(*sides)
        ratios.append((found.high - found.estimate) / (paired_difference(*sides).ci_high - found.estimate))
    assert 0.4 < np.median(ratios) < 0.75


@pytest.mark.parametrize(("seeds", "control_seeds"), [(1, 3), (3, 1), (1, 1)])
def test_one_seed_supports_no_interval(seeds, control_seeds):
    rng = np.random.default_rng(0)
    found = sealed_difference(rng.normal(size=(seeds, 9)), rng.normal(size=(control_seeds, 9)))
    assert (found.low, found.high, found.decision(9.0)) == (None, None, UNDECIDED)


def test_models_that_answer_alike_are_equivalent_and_a_spread_of_zero_proves_nothing():
    same = np.tile(np.arange(6.0), (3, 1))
    assert sealed_difference(same, same).decision(0.0) == EQUIVALENT
    assert sealed_difference(same + 1, same).decision(0.1) == UNDECIDED


def test_a_difference_beyond_the_noise_is_better():
    rng = np.random.default_rng(1)
    assert sealed_difference(1 + 0.1 * rng.normal(size=(3, 30)), 0.1 * rng.normal(size=(3, 30))).decision(0) == BETTER


def test_all_looks_together_say_better_falsely_in_at_most_five_percent():
    """One-sided: 2.5 + 1.25 + 0.625 + ... percent."""
    assert sum(level_of_look(look) / 2 for look in range(1, 60)) == pytest.approx(0.05)


@pytest.mark.parametrize("ratio", [1.0, 3.0, 7.0])
def test_the_interval_holds_the_truth_about_as_often_as_it_says(ratio):
    """2,000 finals without a difference: arm by item 0.3, seeds 0.1 and `ratio` times that, item by seed 0.3."""
    rng, held, count = np.random.default_rng(7), 0, 2000
    for _ in range(count):
        sides = rng.normal(size=(2, 3, 40)) * 0.3 + rng.normal(size=(2, 1, 40)) * 0.3 / math.sqrt(2)
        sides += rng.normal(size=(2, 3, 1)) * np.array([0.1, 0.1 * ratio])[:, None, None]
        found = sealed_difference(*sides)
        held += found.low <= 0 <= found.high
    assert 0.935 < held / count < 0.985
