"""The effect that is told beside "no difference shown": against experiments that are drawn one by one."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from dataselect.comparison.intervals import VarianceComponent, VarianceEstimate
from dataselect.comparison.power import POWER, _half_widths, _seen, detectable


def parts(items, strategy, control, seeds, random_seeds):
    """Parts as an experiment of 100 items has them, all arms equally noisy where the two are the same."""
    blocks = (VarianceEstimate(items, 19), VarianceEstimate(items, 9))
    return (
        VarianceComponent(blocks, blocks),
        *(
            VarianceComponent((VarianceEstimate(v, s - 1),), (VarianceEstimate(v, 2 * (s - 1)),))
            for v, s in ((strategy, seeds), (control, random_seeds))
        ),
    )


def power(effect, components, tests):
    """The share of such experiments that show an effect, by the product's own half-widths."""
    error = sum(part.variance for part in components) ** 0.5
    return _seen(effect / error, _half_widths(components, tests) / error)


def drawn_share(effect, items, strategy, control, seeds, random_seeds, tests, draws=20_000):
    """Share of drawn experiments that show the effect: items by their 20 blocks, seeds by their means."""
    rng = np.random.default_rng(8)
    blocks = rng.normal(0, math.sqrt(20 * items), (draws, 20))
    own, backed = np.zeros(draws), np.zeros(draws)
    found = effect + blocks.mean(axis=1)
    pairs = blocks.reshape(draws, 10, 2).mean(axis=2)
    for at, half in ((0.05, own), (0.05 / tests, backed)):
        fine = stats.t.isf(at / 2, 19) ** 2 * blocks.var(axis=1, ddof=1) / 20
        half += np.maximum(fine, stats.t.isf(at / 2, 9) ** 2 * pairs.var(axis=1, ddof=1) / 10)
    for sign, variance, count in ((1, strategy, seeds), (-1, control, random_seeds)):
        means = rng.normal(0, math.sqrt(count * variance), (draws, count))
        found = found + sign * means.mean(axis=1)
        estimate = means.var(axis=1, ddof=1) / count
        own += stats.t.isf(0.025, count - 1) ** 2 * estimate
        backed += stats.t.isf(0.05 / tests / 2, 2 * (count - 1)) ** 2 * estimate
    return np.mean(np.abs(found) > np.sqrt(np.maximum(own, backed)))


CASES = [(1.0, 0.0, 0.0, 3, 3, 1), (0.2, 1.0, 1.0, 3, 3, 16), (1.0, 0.1, 0.4, 2, 5, 8), (0.5, 0.5, 0.5, 5, 5, 40)]


@pytest.mark.parametrize("case", CASES)
def test_the_effect_is_seen_as_often_as_it_is_said(case):
    items, strategy, control, seeds, random_seeds, tests = case
    made = parts(items, strategy, control, seeds, random_seeds)
    effect = detectable(made, tests)
    assert power(effect, made, tests) == pytest.approx(POWER)
    assert drawn_share(effect, *case) == pytest.approx(POWER, abs=0.02)  # 2,000 draws: standard error 0.009
    assert drawn_share(effect / 2, *case) == pytest.approx(power(effect / 2, made, tests), abs=0.03)


def test_more_tests_need_a_larger_effect_and_more_seeds_a_smaller_one():
    few, many = (detectable(parts(0.1, 1.0, 1.0, 3, 3), tests) for tests in (2, 40))
    more_seeds = detectable(parts(0.1, 0.6, 0.6, 5, 5), 40)  # the same noise of a seed: 3 of it over 5 seeds
    assert more_seeds < few < many


def test_no_effect_would_be_seen_by_chance_in_more_than_5_percent():
    assert power(0.0, parts(0.5, 0.5, 0.5, 3, 3), 1) <= 0.05


def test_without_any_variance_there_is_nothing_to_tell():
    assert detectable(parts(0.0, 0.0, 0.0, 3, 3), 4) is None
