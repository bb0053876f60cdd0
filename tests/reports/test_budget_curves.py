"""Budget curves: which points belong to one, and how certain its plateau is."""

from __future__ import annotations

import math

import numpy as np
import pytest

from dataselect.comparison.arms import Arm, ArmKey
from dataselect.reports.sections.budget_curves import budget_curves

ITEMS = tuple(f"i{n}" for n in range(60))
BUDGETS = (100, 200, 400, 800, 1600)


def arm(strategy, budget, level, nests=True, unit="examples", seeds=2):
    noise = np.random.default_rng(7).normal(0, 0.02, len(ITEMS))
    values = np.stack([level + noise + 0.01 * seed for seed in range(seeds)])
    return Arm(ArmKey(strategy, budget, unit), "sums", "score", "higher", tuple(range(seeds)), ITEMS, values, nests)


def level(n):
    return 0.6 - 0.4 * math.exp(-0.004 * n)


def test_a_curve_begins_with_the_untrained_model():
    arms = [arm("untrained", 0, 0.2, None, seeds=1), *(arm("a", n, level(n)) for n in BUDGETS), arm("full", 5000, 0.6)]
    (curve,) = budget_curves(arms)
    assert (curve.strategy, curve.budgets, curve.nested) == ("a", (0, *BUDGETS), True)
    noise = np.random.default_rng(7).normal(0, 0.02, len(ITEMS)).mean()
    assert curve.estimates[1] == pytest.approx(level(100) + noise + 0.005)
    assert curve.spreads == (None, *[pytest.approx(0.01 / math.sqrt(2))] * 5)  # seeds 0.01 apart
    assert curve.reached == pytest.approx(math.log(20) / 0.004, rel=0.05)
    assert curve.reached_low <= curve.reached <= curve.reached_high


def test_units_and_strategies_have_curves_of_their_own():
    arms = [arm(s, n, level(n), unit=u) for s in ("a", "b") for u in ("examples", "tokens") for n in BUDGETS[:2]]
    assert [(c.strategy, c.unit, c.plateau) for c in budget_curves(arms)] == [
        ("a", "examples", None), ("a", "tokens", None), ("b", "examples", None), ("b", "tokens", None),
    ]  # fmt: skip


def test_one_budget_is_no_curve():
    assert budget_curves([arm("untrained", 0, 0.2), arm("a", 100, 0.3)]) == ()


@pytest.mark.parametrize(("told", "nested"), [((True, False), False), ((True, None), None), ((True, True), True)])
def test_subsets_are_nested_only_if_all_are(told, nested):
    (curve,) = budget_curves([arm("a", 100 * (n + 1), 0.3, one) for n, one in enumerate(told)])
    assert curve.nested is nested


def test_noise_leaves_the_plateau_open():
    rng = np.random.default_rng(1)
    arms = []
    for n in (0, *BUDGETS):
        values = level(n / 8) + rng.normal(0, 0.6, (1, len(ITEMS)))
        arms.append(Arm(ArmKey("a", n, "examples"), "sums", "score", "higher", (0,), ITEMS, values, True))
    (curve,) = budget_curves(arms)
    assert curve.reached_high is None
