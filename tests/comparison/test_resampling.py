"""Resampling: small cases by hand, against a slow plain bootstrap, and against scipy's permutation test."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import stats

from dataselect.comparison.resampling import resampled


def test_all_sign_patterns_by_hand():
    """d = 1, 2, 3 sums to 6; of the 8 patterns only + + + and - - - reach it: p = 2 / 8."""
    found = resampled(np.array([[1.0, 2.0, 3.0]]), np.zeros((1, 3)))
    assert found.p == 0.25
    assert found.effect == pytest.approx(2.0 / 1.0)  # mean 2, standard deviation 1


def test_the_seeds_are_averaged_first():
    """The seeds of the strategy have the means 2, 2 over items; per item (1 + 3) / 2 = 2 and (2 + 2) / 2 = 2."""
    found = resampled(np.array([[1.0, 2.0], [3.0, 2.0]]), np.zeros((1, 2)))
    assert found.p == 0.5  # + + and - - of four patterns
    assert found.effect is None  # no spread over items


def test_exact_p_against_every_pattern_counted_one_by_one():
    rng = np.random.default_rng(0)
    d = rng.normal(0.4, 1, 9)
    reached = [abs(sum(s * x for s, x in zip(signs, d, strict=True))) for signs in itertools.product((1, -1), repeat=9)]
    assert resampled(d[None], np.zeros((1, 9))).p == np.mean(np.array(reached) >= abs(d.sum()) - 1e-12)


def test_drawn_p_against_scipy():
    rng = np.random.default_rng(1)
    strategy, control = rng.normal(0.15, 1, (1, 80)), rng.normal(0, 1, (1, 80))
    truth = stats.permutation_test(
        (strategy[0], control[0]), lambda a, b, axis: (a - b).mean(axis=axis), permutation_type="samples",
        n_resamples=50_000, rng=0, vectorized=True,
    ).pvalue  # fmt: skip
    error = (truth * (1 - truth) / 2000) ** 0.5
    assert abs(resampled(strategy, control).p - truth) < 4 * error


def test_p_is_never_zero():
    assert resampled(np.full((1, 200), 5.0) + np.arange(200), np.zeros((1, 200))).p == 1 / 2001


def test_the_bootstrap_against_a_plain_loop():
    """Items are drawn once for both arms, seeds within each; 4,000 draws of a loop, other random numbers."""
    rng = np.random.default_rng(2)
    item = rng.normal(size=40)
    strategy = item + rng.normal(0.3, 0.2, (3, 1)) + rng.normal(0, 0.3, (3, 40))
    control = item + rng.normal(0, 0.2, (4, 1)) + rng.normal(0, 0.3, (4, 40))
    loop = []
    for _ in range(4000):
        items = rng.integers(0, 40, 40)
        a, b = (arm[rng.integers(0, len(arm), len(arm))][:, items].mean() for arm in (strategy, control))
        loop.append(a - b)
    low, high = np.percentile(loop, [2.5, 97.5])
    found = resampled(strategy, control)
    assert (found.low, found.high) == (pytest.approx(low, abs=0.03), pytest.approx(high, abs=0.03))


def test_pairing_keeps_what_items_have_in_common_out():
    item = np.random.default_rng(3).normal(0, 100, 50)
    found = resampled((item + 1.0)[None], item[None])
    assert (found.low, found.high) == (pytest.approx(1.0, abs=1e-3), pytest.approx(1.0, abs=1e-3))


def test_the_same_numbers_each_time():
    rng = np.random.default_rng(4)
    arms = rng.normal(size=(2, 30)), rng.normal(size=(3, 30))
    assert resampled(*arms) == resampled(*arms)


def test_rounding_is_no_difference():
    found = resampled(np.full((3, 20), 0.1), np.full((1, 20), 0.1))
    assert (found.p, found.effect) == (1.0, None)
