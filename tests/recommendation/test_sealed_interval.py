"""The final's interval: its arithmetic on small tables, what it refuses, and how often it holds the truth."""

import math

import numpy as np
import pytest
from scipy import stats

from dataselect.comparison.intervals import VarianceComponent, VarianceEstimate, paired_difference
from dataselect.comparison.power import POWER, detectable
from dataselect.recommendation.decisions import BETTER, EQUIVALENT, UNDECIDED
from dataselect.recommendation.sealed_interval import (
    _half_width,
    detectable_difference,
    detectable_of,
    level_of_look,
    sealed_difference,
)


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


def components(items, finalist, control, seeds=3):
    """A of 40 items and of 20 pairs of them, and the B of either side."""
    sides = [VarianceEstimate(variance, seeds - 1) for variance in (finalist, control)]
    blocks = (VarianceEstimate(items, 39), VarianceEstimate(items, 19))
    return [VarianceComponent(blocks, blocks), *(VarianceComponent((side,), (side,)) for side in sides)]


@pytest.mark.parametrize("level", [0.05, 0.025])
@pytest.mark.parametrize(
    ("items", "finalist", "control", "shared"),
    [(1.0, 0.0, 0.0, 0.0), (0.4, 1.0, 1.0, 0.1), (0.2, 0.1, 4.0, 0.0), (0.3, 0.3, 0.3, 0.25)],
)
def test_the_detectable_difference_is_seen_as_often_as_is_said_by_the_interval_that_is_stated(
    items, finalist, control, shared, level
):
    """4,000 finals from known components: each draws its difference and estimates, and gets the stated half-width."""
    made = components(items, finalist, control)
    effect, rng, seen, count = detectable_of(made, shared, level), np.random.default_rng(11), 0, 4000
    for _ in range(count):
        values = rng.normal(size=(20, 2))  # 40 items; a pair's mean has half of the variance
        fine = items * values.var(ddof=1)
        coarse = items * values.mean(axis=1).var(ddof=1) * 2
        blocks = (VarianceEstimate(fine, 39), VarianceEstimate(coarse, 19))
        sides = [VarianceEstimate(b * rng.chisquare(2) / 2, 2) for b in (finalist, control)]
        drawn = [VarianceComponent(blocks, blocks), *(VarianceComponent((side,), (side,)) for side in sides)]
        found = effect + rng.normal() * math.sqrt(items - shared + finalist + control)
        seen += abs(found) > _half_width(drawn, shared, level)
    assert seen / count == pytest.approx(POWER, abs=0.025)  # standard error 0.006


def test_it_is_the_classical_one_where_items_are_all_the_noise():
    """Paired t with 39 degrees: power 0.8 at a noncentrality of 2.87 standard errors (2.02 + 0.85), of pairs a bit more."""
    one = (VarianceEstimate(0.01, 39),)
    effect = detectable_of([VarianceComponent(one, one), *components(0, 0, 0)[1:]], 0.0, 0.05)
    critical = stats.t.isf(0.025, 39)
    assert stats.nct.sf(critical, 39, effect / 0.1) == pytest.approx(POWER, abs=0.01)


def test_it_is_below_that_of_the_wider_interval_and_smaller_levels_need_more():
    rng = np.random.default_rng(3)
    finalist, control = rng.normal(size=(2, 3, 40)) + rng.normal(size=(2, 3, 1)) * 0.2
    found = detectable_difference(finalist, control)
    assert found < detectable(paired_difference(finalist, control).components, 1)
    assert found < detectable_difference(finalist, control, 0.025)
    same = np.tile(np.arange(6.0), (3, 1))
    assert detectable_difference(same, same) is None
    assert detectable_difference(finalist[:1], control) is None


def test_finals_with_that_difference_are_called_better_in_80_percent():
    """From the model's own variances: arm by item 0.3, seeds 0.1, item by seed 0.3, 40 items, three seeds a side.

    C = 2 * 0.09 / (3 * 40) = 0.0015, A = 0.09 / 40 + C = 0.00375, B = (0.01 + 0.09 / 40) / 3 = 0.00408 on either side.
    """
    effect = detectable_of(components(0.09 / 40 + 0.0015, 0.01225 / 3, 0.01225 / 3), 0.0015, 0.05)
    rng, better, count = np.random.default_rng(12), 0, 3000
    for _ in range(count):
        sides = rng.normal(size=(2, 3, 40)) * 0.3 + rng.normal(size=(2, 1, 40)) * 0.3 / math.sqrt(2)
        sides += rng.normal(size=(2, 3, 1)) * 0.1
        better += sealed_difference(sides[0] + effect, sides[1]).decision(0.0) == BETTER
    assert better / count == pytest.approx(POWER, abs=0.03)
