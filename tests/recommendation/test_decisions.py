"""Decisions: the arithmetic of the interval, and simulated races that look often and may not be wrong often."""

import math

import numpy as np
import pytest
from scipy import stats

from dataselect.comparison.intervals import VarianceEstimate
from dataselect.recommendation.decisions import (
    ALPHA,
    BETTER,
    EQUIVALENT,
    UNDECIDED,
    WORSE,
    GapInterval,
    alpha_of_look,
    equivalence_margin,
    gap_interval,
    pooled_seed_noise,
)
from dataselect.recommendation.race import Measurement, RaceArm, race


def test_the_levels_of_all_looks_add_up_to_the_error_that_may_be_spent():
    assert alpha_of_look(1) == ALPHA / 2
    assert sum(map(alpha_of_look, range(1, 100))) == pytest.approx(ALPHA * (1 - 1 / 100))


def test_noise_of_seeds_is_pooled_by_degrees_of_freedom():
    first = np.array([[1.0, 3.0], [3.0, 5.0]])  # means 2 and 4: variance 2, one degree
    second = np.array([[0.0, 0.0], [1.0, 1.0], [2.0, 2.0]])  # means 0, 1, 2: variance 1, two degrees
    single = np.array([[9.0, 9.0]])
    found = pooled_seed_noise([first, second, single])
    assert found == VarianceEstimate((2 * 1 + 1 * 2) / 3, 3)
    assert pooled_seed_noise([single]) is None


def test_the_interval_is_that_of_items_and_of_pooled_seeds():
    control = np.zeros((2, 4))
    arm = np.array([[0.0, 1.0, 2.0, 3.0]])  # d_i has mean 1.5 and variance 5 / 3; every block is one item
    found = gap_interval(arm, control, VarianceEstimate(0.04, 5), 0.05)
    items = stats.t.isf(0.025, 3) ** 2 * 5 / 3 / 4
    seeds = stats.t.isf(0.025, 5) ** 2 * (0.04 / 1 + 0.04 / 2)
    assert found.estimate == 1.5
    assert (found.low, found.high) == pytest.approx((1.5 - math.sqrt(items + seeds), 1.5 + math.sqrt(items + seeds)))


def test_an_arm_noisier_than_the_pool_counts_as_noisy_as_it_is():
    control = np.tile([0.0, 1.0], (2, 2))
    quiet, loud = (np.array([[0.0], [1.0]]) * scale + [0.0, 2.0, 0.0, 2.0] for scale in (0.1, 1.0))
    noise = VarianceEstimate(0.005, 4)
    width = [one.high - one.low for one in (gap_interval(arm, control, noise, 0.05) for arm in (quiet, loud))]
    assert width[1] > 1.5 * width[0]


@pytest.mark.parametrize("noise", [None, VarianceEstimate(0.01, 1)])
def test_without_knowledge_of_seeds_nothing_is_decided(noise):
    found = gap_interval(np.ones((1, 9)) + np.arange(9) / 9, np.zeros((2, 9)), noise, 0.05)
    assert (found.low, found.high, found.decision(0.1)) == (None, None, UNDECIDED)


@pytest.mark.parametrize(
    ("low", "high", "decision"),
    [(0.1, 0.3, BETTER), (-0.3, -0.1, WORSE), (-0.1, 0.2, EQUIVALENT), (-0.1, 0.21, UNDECIDED), (0.01, 0.1, BETTER)],
)
def test_the_interval_decides(low, high, decision):
    assert GapInterval((low + high) / 2, low, high).decision(0.2) == decision


def test_arms_that_change_no_item_are_equivalent():
    found = gap_interval(np.zeros((2, 9)), np.zeros((2, 9)), VarianceEstimate(0.0, 2), 0.05)
    assert found.decision(0.0) == EQUIVALENT


def test_the_margin_is_a_tenth_of_what_the_control_gains_whatever_its_sign():
    assert equivalence_margin(np.full((2, 5), -0.8)) == pytest.approx(0.08)


class Null:
    """Arms without a difference: items, arm by item, seeds and item by seed, as `spread` says for each arm."""

    def __init__(self, seed: int, heavy: bool, spread: float):
        self.rng = np.random.default_rng(seed)
        self.item = self.rng.normal(0.5, 1.0, 50)
        self.heavy, self.spread = heavy, spread
        self.by_item: dict[str, np.ndarray] = {}
        self.loud: dict[str, float] = {}

    def draw(self, size: int | None = None) -> np.ndarray:
        return self.rng.standard_t(3, size) / math.sqrt(3) if self.heavy else self.rng.normal(0, 1, size)

    def __call__(self, arm: str, budget: int, seed: int) -> Measurement:
        by_item = self.by_item.setdefault(arm, 0.3 * self.draw(50))
        loud = self.loud.setdefault(arm, 0.1 * math.exp(self.spread * self.rng.normal()))
        return Measurement(self.item + by_item + loud * self.draw() + 0.3 * self.draw(50), budget)


@pytest.mark.parametrize(("heavy", "spread"), [(False, 0.0), (True, 0.0), (False, 0.5)])
def test_races_that_look_often_call_few_of_the_arms_without_a_difference(heavy, spread):
    """200 races of 6 such arms to the end: of 1,200 arms at most 5 % (and 3 sds of a count) are called."""
    arms = [RaceArm(f"arm{n}", 0, str(n)) for n in range(6)]
    called = set()
    for seed in range(200):
        outcome = race(arms, "random", (10, 20), 10**6, Null(seed, heavy, spread))
        called |= {(seed, look.arm) for look in outcome.looks if look.decision in (BETTER, WORSE)}
    allowed = ALPHA * 1200
    assert len(called) <= allowed + 3 * math.sqrt(allowed * (1 - ALPHA))
