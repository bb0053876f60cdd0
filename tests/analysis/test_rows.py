"""Rows: which control a strategy is compared with, and what the verdict says in either direction."""

from __future__ import annotations

import numpy as np
import pytest

from dataselect.analysis.arms import Arm, Group
from dataselect.analysis.rows import build_rows

ITEMS = tuple(f"i{n}" for n in range(40))


def arm(strategy, level, budget=100, unit="examples", seeds=3, direction="higher"):
    rng = np.random.default_rng([budget, *map(ord, strategy)])
    values = level + rng.normal(0, 0.02, (seeds, len(ITEMS)))
    return Arm(Group(strategy, budget, unit), "task", "score", direction, tuple(range(seeds)), ITEMS, values)


def rows_of(*arms):
    return {(r.strategy, r.budget): r for r in build_rows(arms)}


@pytest.mark.parametrize(("direction", "up", "down"), [("higher", "better", "worse"), ("lower", "worse", "better")])
def test_the_metric_decides_what_is_better(direction, up, down):
    rows = rows_of(*(arm(s, level, direction=direction) for s, level in (("random", 0.5), ("a", 0.9), ("b", 0.1))))
    assert (rows["a", 100].verdict, rows["b", 100].verdict) == (up, down)
    assert rows["random", 100].verdict == "control"
    assert rows["random", 100].diff_to_random is None


def test_a_strategy_meets_random_at_its_own_budget_only():
    rows = rows_of(
        arm("random", 0.5), arm("random", 0.8, budget=200), arm("a", 0.5, budget=200), arm("a", 0.5, budget=300)
    )
    assert rows["a", 200].diff_to_random == pytest.approx(-0.3, abs=0.02)
    assert rows["a", 200].compared_with == "random at 200 examples"
    lonely = rows["a", 300]
    assert (lonely.verdict, lonely.diff_to_random, lonely.ci_low, lonely.ci_high, lonely.p, lonely.compared_with) == (
        "no random control: not compared", None, None, None, None, "",
    )  # fmt: skip


def test_budgets_of_another_unit_are_other_budgets():
    rows = rows_of(arm("random", 0.5, unit="tokens"), arm("a", 0.9))
    assert rows["a", 100].verdict == "no random control: not compared"


@pytest.mark.parametrize("strategy", ["untrained", "full"])
def test_what_has_no_budget_meets_random_at_the_largest(strategy):
    rows = rows_of(arm("random", 0.5), arm("random", 0.7, budget=200), arm(strategy, 0.1, budget=0, seeds=1))
    assert rows[strategy, 0].diff_to_random == pytest.approx(-0.6, abs=0.02)
    assert "compared with random at 200 examples" in rows[strategy, 0].note


def test_the_length_matched_control_of_the_same_strategy_and_budget():
    rows = rows_of(
        arm("random", 0.5), arm("longest", 0.9), arm("length-matched-random:longest", 0.9),
        arm("length-matched-random:other", 0.1), arm("a", 0.9),
    )  # fmt: skip
    longest = rows["longest", 100]
    assert longest.verdict == "better"
    assert longest.lm_verdict == "no difference shown"
    assert longest.lm_ci_low < longest.diff_to_length_matched < longest.lm_ci_high
    assert rows["a", 100].lm_verdict is None
    assert rows["length-matched-random:longest", 100].verdict == "better"


def test_single_seeds_borrow_the_noise_of_randoms_seeds():
    """Strategy and length control have one seed each; without random's seeds the interval would be over items only."""
    arms = arm("longest", 0.52, seeds=1), arm("length-matched-random:longest", 0.5, seeds=1)
    alone, row = rows_of(*arms)["longest", 100], rows_of(*arms, arm("random", 0.5))["longest", 100]
    assert (alone.lm_seed_noise, row.lm_seed_noise, row.note) == (False, True, "")
    assert (
        alone.note
        == "against the length-matched control, no arm has two seeds: the noise of seeds is not in the interval"
    )
    assert row.lm_ci_high - row.lm_ci_low > alone.lm_ci_high - alone.lm_ci_low


def test_missing_seed_noise_is_told():
    rows = rows_of(arm("random", 0.5, seeds=1), arm("a", 0.9, seeds=1))
    assert rows["a", 100].note == "no arm has two seeds: the noise of seeds is not in the interval"
    assert rows_of(arm("random", 0.5, seeds=2), arm("a", 0.9, seeds=1))["a", 100].note == ""


def test_p_values_are_corrected_over_the_strategies_of_a_table_and_not_over_controls():
    """Three strategies; their p values times 3, 2 and 1 in ascending order, and controls keep theirs."""
    rows = rows_of(
        arm("random", 0.5), arm("a", 0.9), arm("b", 0.51), arm("c", 0.5),
        arm("untrained", 0.1, budget=0, seeds=1), arm("length-matched-random:a", 0.5),
    )  # fmt: skip
    listed = sorted((rows[name, 100].p, rows[name, 100].p_holm, rows[name, 100].tests) for name in "abc")
    least = 0.0
    for k, (p, corrected, tests) in enumerate(listed):
        least = max(least, min(1.0, p * (3 - k)))
        assert (corrected, tests) == (pytest.approx(least), 3)
    for control in (("untrained", 0), ("length-matched-random:a", 100), ("random", 100)):
        assert (rows[control].p_holm, rows[control].tests) == (None, 0)


def test_what_only_stands_out_by_itself_is_not_shown_and_the_note_says_so():
    """Of ten strategies one has p = 0.03; ten tests give such a p by chance in one of three tables."""
    values = np.random.default_rng(0).normal(0, 1, (1, 200))
    values -= values.mean()

    def made(name, shift):
        noise = np.random.default_rng([1, *map(ord, name)]).normal(0, 1, (1, 200))
        noise = (noise - noise.mean()) / noise.std(ddof=1)
        return Arm(
            Group(name, 100, "examples"), "t", "m", "higher", (0,), tuple(map(str, range(200))), values + noise + shift
        )

    control = Arm(Group("random", 100, "examples"), "t", "m", "higher", (0,), tuple(map(str, range(200))), values)
    rows = {
        r.strategy: r for r in build_rows([control, made("a", 2.19 / 200**0.5), *(made(n, 0.0) for n in "bcdefghij")])
    }
    assert rows["a"].p == pytest.approx(0.03, abs=0.002)  # t = 2.19 with 199 degrees of freedom
    assert rows["a"].p_holm == pytest.approx(0.3, abs=0.02)
    assert rows["a"].verdict == "no difference shown"
    assert rows["a"].ci_low > 0
    assert "by itself p is 0.03, which 10 tests side by side give by chance (Holm: 0.3)" in rows["a"].note


def test_among_200_comparisons_without_a_difference_few_show_any():
    """Eight strategies, three seeds each, that differ from random in nothing: 5 % of the tables may show something."""
    shown = 0
    for comparison in range(200):
        rng = np.random.default_rng([9, comparison])
        item = rng.normal(0, 1, 80)

        def null(strategy, rng=rng, item=item):
            values = item + rng.normal(0, 0.05, (3, 1)) + rng.normal(0, 0.3, (1, 80)) + rng.normal(0, 0.2, (3, 80))
            ids = tuple(map(str, range(80)))
            return Arm(Group(strategy, 100, "examples"), "t", "m", "higher", (0, 1, 2), ids, values)

        rows = build_rows([null("random"), *(null(name) for name in "abcdefgh")])
        shown += any(row.verdict in ("better", "worse") for row in rows)
    assert shown <= 19  # the 99.7 % point of a binomial with 200 draws at 5 % is 19
