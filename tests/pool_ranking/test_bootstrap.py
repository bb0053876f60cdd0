"""The bootstrap: by hand, against a loop, and its coverage by simulation."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from dataselect.pool_ranking.bootstrap import RESAMPLES, BootstrapRatio, bootstrap_ratio, difference_interval

ONES = np.ones


def test_the_estimate_is_the_ratio_of_the_sums():
    found = bootstrap_ratio(np.array([2.0, 12.0]), np.array([1.0, 3.0]), 0, "pool")
    assert found.estimate == 14 / 4  # not (2 / 1 + 12 / 3) / 2 = 3
    assert found.n == 2


def test_two_examples_give_the_three_means_that_there_are():
    found = bootstrap_ratio(np.array([1.0, 3.0]), ONES(2), 0, "pool")
    values, counts = np.unique(found.draws, return_counts=True)
    assert values.tolist() == [1.0, 2.0, 3.0]
    assert counts / RESAMPLES == pytest.approx([0.25, 0.5, 0.25], abs=0.05)  # 1/4, 2/4, 1/4, sd 0.014 and 0.016
    assert (found.interval.low, found.interval.high) == (1.0, 3.0)


def test_draws_are_those_of_a_slow_loop():
    n = 9000  # more than one block of 2**22 indices
    values, weights = np.random.default_rng(1).gamma(2.0, size=(2, n)) + 0.1
    stream = int.from_bytes(hashlib.sha256(b"pool").digest()[:8], "little")
    generator = np.random.default_rng([7, stream])
    found = bootstrap_ratio(values, weights, 7, "pool")
    for draw in found.draws:
        drawn = generator.integers(0, n, n)
        assert draw == pytest.approx(values[drawn].sum() / weights[drawn].sum(), rel=1e-12)


def test_a_pool_has_the_same_draws_whatever_is_ranked_beside_it_and_others_where_name_or_seed_differ():
    values = np.arange(50.0)
    one = bootstrap_ratio(values, ONES(50), 0, "a")
    assert (bootstrap_ratio(values, ONES(50), 0, "a").draws == one.draws).all()
    assert (bootstrap_ratio(values, ONES(50), 0, "b").draws != one.draws).any()
    assert (bootstrap_ratio(values, ONES(50), 1, "a").draws != one.draws).any()


def test_one_example_has_an_estimate_and_no_interval_and_none_has_neither():
    single = bootstrap_ratio(np.array([3.0]), np.array([2.0]), 0, "pool")
    assert single.estimate == 1.5
    assert single.interval is None
    assert difference_interval(single, bootstrap_ratio(np.arange(5.0), ONES(5), 0, "other")) is None
    assert bootstrap_ratio(np.zeros(0), np.zeros(0), 0, "pool") is None


def test_a_difference_is_that_of_the_draws():
    first, second = BootstrapRatio(3, 2.0, np.array([1.0, 2.0, 3.0])), BootstrapRatio(3, 1.0, np.array([1.0, 1.0, 1.0]))
    found = difference_interval(first, second)
    assert (found.low, found.high) == pytest.approx((0.05, 1.95))  # quantiles of 0, 1, 2 at 0.025 and 0.975


def test_intervals_cover_the_truth_as_often_as_the_docstring_says():
    """Examples of log-normal length, longer ones easier; 400 pools of 100. Nominal 95 %, sd of a share 1.1 %."""
    rng = np.random.default_rng(0)

    def pool(n: int):
        tokens = np.ceil(rng.lognormal(3.5, 1.0, n))
        loss = np.abs(2.0 + 0.6 * rng.normal(size=n) - 0.15 * np.log(tokens)) + rng.exponential(0.5, n)
        return loss, tokens

    loss, tokens = pool(2_000_000)
    truths = {"mean": loss.mean(), "weighted": (loss * tokens).sum() / tokens.sum()}
    hits = dict.fromkeys((*truths, "difference"), 0)
    for trial in range(400):
        (loss, tokens), (other, _) = pool(100), pool(100)
        mean = bootstrap_ratio(loss, ONES(100), trial, "a")
        found = {"mean": mean, "weighted": bootstrap_ratio(loss * tokens, tokens, trial, "a weighted")}
        for name, truth in truths.items():
            hits[name] += found[name].interval.low <= truth <= found[name].interval.high
        difference = difference_interval(mean, bootstrap_ratio(other, ONES(100), trial, "b"))
        hits["difference"] += difference.low <= 0.0 <= difference.high
    shares = {name: hit / 400 for name, hit in hits.items()}
    assert 0.92 <= shares["mean"] <= 0.98
    assert 0.90 <= shares["weighted"] <= 0.97
    assert 0.92 <= shares["difference"] <= 0.98
