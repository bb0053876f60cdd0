"""Rows: which control a strategy is compared with, and what the verdict says in either direction."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from dataselect.comparison.arms import Arm, ArmKey
from dataselect.comparison.intervals import paired_difference
from dataselect.comparison.rows import build_rows, compare_arms
from dataselect.comparison.verdicts import SAME_ROWS, with_verdicts

ITEMS = tuple(f"i{n}" for n in range(40))


def arm(strategy, level, budget=100, unit="examples", seeds=3, direction="higher"):
    rng = np.random.default_rng([budget, *map(ord, strategy)])
    values = level + rng.normal(0, 0.02, (seeds, len(ITEMS)))
    return Arm(ArmKey(strategy, budget, unit), "task", "score", direction, tuple(range(seeds)), ITEMS, values)


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
def test_references_stand_beside_random_at_the_largest_budget_and_are_not_judged(strategy):
    rows = rows_of(arm("random", 0.5), arm("random", 0.7, budget=200), arm(strategy, 0.1, budget=0, seeds=1))
    row = rows[strategy, 0]
    assert row.diff_to_random == pytest.approx(-0.6, abs=0.02)
    assert "compared with random at 200 examples" in row.note
    assert (row.role, row.verdict, row.p_holm, row.tests) == ("reference", "a reference, not a candidate", None, 0)


def test_a_reference_changes_no_candidates_p():
    arms = arm("random", 0.5), arm("a", 0.52), arm("b", 0.51)
    without, beside = (
        rows_of(*arms),
        rows_of(*arms, arm("full", 0.9, budget=1000), arm("untrained", 0.1, budget=0, seeds=1)),
    )
    assert [without[s, 100] for s in "ab"] == [beside[s, 100] for s in "ab"]


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
    control = rows["length-matched-random:longest", 100]
    assert (control.role, control.verdict, control.p_holm) == ("control", "control", None)
    assert control.diff_to_random == pytest.approx(0.4, abs=0.02)


@pytest.mark.parametrize(("overlap", "verdict", "tests"), [(0.3, "better", 2), (1.0, SAME_ROWS, 1)])
def test_a_control_that_is_the_selection_gives_no_verdict_and_is_no_test(overlap, verdict, tests):
    control = replace(arm("length-matched-random:longest", 0.5), overlap=overlap)
    row = rows_of(arm("random", 0.5), arm("longest", 0.9), control)["longest", 100]
    assert (row.lm_overlap, row.lm_verdict, row.tests) == (overlap, verdict, tests)


@pytest.mark.parametrize(("seeds", "random_seeds"), [(1, 3), (3, 1), (1, 1)])
def test_one_seed_on_a_side_is_no_verdict_however_large_the_difference(seeds, random_seeds):
    row = rows_of(arm("random", 0.5, seeds=random_seeds), arm("a", 0.9, seeds=seeds))["a", 100]
    assert (row.verdict, row.p, row.p_holm, row.tests, row.seed_noise) == ("no verdict: one seed", None, None, 0, False)
    assert row.ci_low < row.diff_to_random < row.ci_high
    assert "a side has one seed" in row.note


def test_the_noise_of_a_strategys_seeds_is_its_own():
    """Seeds 1 apart against seeds 0.01 apart: two degrees for the noisy side, whatever random's seeds are."""
    item = np.random.default_rng(0).normal(0, 0.001, 40)
    noisy = replace(arm("a", 0.0), values=item + np.array([[0.0], [1.0], [2.0]]))
    quiet = replace(arm("random", 0.0), values=item[::-1] + np.array([[0.0], [0.01], [0.02]]))
    row = rows_of(noisy, quiet)["a", 100]
    half = stats.t.ppf(0.975, 2) * (1 / 3 + 0.01**2 / 3) ** 0.5
    assert row.ci_high - row.diff_to_random == pytest.approx(half, rel=1e-3)


def test_p_values_are_corrected_over_both_families_together():
    """Three strategies and one length-matched control: p for the correction times 4, 3, 2 and 1 in ascending order."""
    arms = [arm("random", 0.5), arm("a", 0.56), arm("b", 0.51), arm("c", 0.5), arm("length-matched-random:a", 0.5)]
    typical = sum(one.values.mean(axis=1).var(ddof=1) for one in arms) / 5
    values = {one.group.strategy: one.values for one in arms}
    pairs = [("a", "random"), ("b", "random"), ("c", "random"), ("a", "length-matched-random:a")]
    found = [paired_difference(values[s], values[c], typical) for s, c in pairs]
    least, corrected = 0.0, {}
    for k, place in enumerate(sorted(range(4), key=lambda n: found[n].p_family)):
        least = max(least, min(1.0, found[place].p_family * (4 - k)))
        corrected[place] = max(least, found[place].p)
    rows = rows_of(*arms, arm("untrained", 0.1, budget=0, seeds=1))
    told = [rows["a", 100].p_holm, rows["b", 100].p_holm, rows["c", 100].p_holm, rows["a", 100].lm_p_holm]
    assert told == [pytest.approx(corrected[n]) for n in range(4)]
    assert {rows[s, 100].tests for s in "abc"} == {4}


def test_what_only_stands_out_by_itself_is_not_shown_and_the_note_says_so():
    """Of ten strategies one has an interval without zero; ten tests give such a difference by chance."""

    def made(name, shift):
        rng = np.random.default_rng([1, *map(ord, name)])
        noise = rng.normal(0, 1, (1, 19))
        values = (noise - noise.mean()) / noise.std(ddof=1) + shift
        return Arm(ArmKey(name, 100, "examples"), "t", "m", "higher", (0, 1), ITEMS[:19], np.repeat(values, 2, axis=0))

    control = replace(made("random", 0.0), values=np.zeros((2, 19)))
    rows = rows_of(control, made("a", 2.4 / 19**0.5), *(made(n, 0.0) for n in "bcdefghij"))
    row = rows["a", 100]
    assert row.p == pytest.approx(2 * stats.t.sf(2.4, 18), rel=1e-6)  # seeds that do not differ: t = 2.4, 18 degrees
    assert row.p_holm == pytest.approx(10 * row.p)
    assert row.verdict == "no difference shown"
    assert row.ci_low > 0
    assert "by itself p is 0.027 and the interval excludes zero, but 10 tests side by side give" in row.note
    assert row.detectable > row.diff_to_random


@pytest.mark.parametrize("noise", [1, 5])
def test_among_100_comparisons_without_a_difference_few_show_any(noise):
    """Eight strategies of three seeds, their seeds as noisy as random's or five times, and their length controls."""
    shown = 0
    for comparison in range(100):
        rng = np.random.default_rng([9, comparison])
        item = rng.normal(0, 1, 80)

        def null(strategy, scale, rng=rng, item=item):
            values = (
                item + rng.normal(0, 0.05 * scale, (3, 1)) + rng.normal(0, 0.3, (1, 80)) + rng.normal(0, 0.2, (3, 80))
            )
            ids = tuple(map(str, range(80)))
            return Arm(ArmKey(strategy, 100, "examples"), "t", "m", "higher", (0, 1, 2), ids, values)

        arms = [null("random", 1), *(null(s, noise) for s in "abcdefgh")]
        rows = with_verdicts(compare_arms([*arms, *(null(f"length-matched-random:{s}", 1) for s in "abcdefgh")]))
        shown += any({row.verdict, row.lm_verdict} & {"better", "worse"} for row in rows)
    assert shown <= 12  # the 99.7 % point of a binomial with 100 draws at 5 % is 12


def test_an_effect_of_eight_standard_deviations_of_a_seed_is_shown():
    """Seeds of sd 0.1 around 0 and 0.8, three against three, among eight strategies: nearly all of 40 tables show it."""
    shown = 0
    for table in range(40):
        rng = np.random.default_rng([10, table])

        def made(strategy, shift, rng=rng):
            values = shift + rng.normal(0, 0.1, (3, 1)) + rng.normal(0, 0.3, (3, 100))
            ids = tuple(map(str, range(100)))
            return Arm(ArmKey(strategy, 100, "examples"), "t", "m", "higher", (0, 1, 2), ids, values)

        rows = with_verdicts(compare_arms([made("random", 0), *(made(s, 0.8 * (s == "a")) for s in "abcdefgh")]))
        shown += next(row for row in rows if row.strategy == "a").verdict == "better"
    assert shown >= 36


def test_a_win_that_random_of_the_same_lengths_has_too_is_warned_of():
    arms = [arm("random", 0.5), arm("low", 0.9), arm("high", 0.9)]
    matched = [arm("length-matched-random:low", 0.9), arm("length-matched-random:high", 0.6)]
    rows = rows_of(*arms, *matched)
    low, high = rows["low", 100], rows["high", 100]
    assert (low.verdict, low.lm_verdict) == ("better", "no difference shown")
    assert low.note.startswith("warning: better than random, but is not shown to be better than random examples of the")
    assert f"({low.diff_to_random:+.3g} to random, {low.diff_to_length_matched:+.3g} to these)" in low.note.replace(
        "difference ", ""
    )
    assert (high.verdict, high.lm_verdict, high.note) == ("better", "better", "")


def test_a_win_that_random_of_the_same_lengths_exceeds_is_warned_of():
    rows = rows_of(arm("random", 0.5), arm("low", 0.6), arm("length-matched-random:low", 0.9))
    assert "but is worse than random examples of the same lengths" in rows["low", 100].note
