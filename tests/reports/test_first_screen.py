"""The first screen of a comparison: one sentence for each task, the figure's rows in order, and facts that add up."""

from __future__ import annotations

import pytest

from dataselect.reports import read_comparison
from dataselect.reports.first_screen import first_screen, headline


def row(strategy, verdict, diff, estimate, budget=100, **more):
    base = {
        "strategy": strategy, "verdict": verdict, "diff_to_random": diff, "ci_low": diff - 0.04, "ci_high": diff + 0.04,
        "estimate": estimate, "budget": budget, "unit": "examples", "metric": "nll", "direction": "lower", "detectable": 0.06,
        "n_seeds": 3, "n_items": 50, "task": "sums",
    }  # fmt: skip
    return base | more


def test_the_best_result_among_those_shown_is_named():
    rows = [
        row("a", "better", -0.05, 1.20),
        row("b", "better", -0.10, 1.30),  # a larger difference, but from a worse random at its budget
        row("a", "no difference shown", -0.20, 1.10, budget=200),  # the best of all, not shown
        row("c", "worse", 0.10, 1.45),
        row("d", "no difference shown", 0.0, 1.30),
        row("random", "control", 0.0, 1.00),
    ]
    assert headline("sums", rows) == (
        "sums (nll, lower is better): a beats random at 100 examples, −0.050 (95 %: −0.090 to −0.010). "
        "Also better: b. Worse: c. Neither shown: d."
    )


def test_of_a_metric_of_which_more_is_better_the_highest_is_named():
    rows = [row(name, "better", 0.05, value, direction="higher") for name, value in (("a", 0.5), ("b", 0.7))]
    assert "b beats random at 100 examples, +0.050" in headline("sums", rows)


def test_where_nothing_is_shown_the_sentence_says_what_would_have_been_seen():
    rows = [
        row(name, "no difference shown", 0.01, 1.0, detectable=size)
        for name, size in (("a", 0.06), ("b", 0.08), ("c", None))
    ]
    assert headline("sums", rows) == (
        "sums (nll, lower is better): no strategy was shown to beat random; an effect of 0.080 would have been seen in "
        "80 % of such experiments."  # the median of 0.06 and 0.08, the upper of two
    )


@pytest.mark.parametrize("verdict", ["no random control: not compared", "no verdict: one seed"])
def test_without_a_verdict_nothing_is_said_of_better(verdict):
    assert headline("sums", [row("a", verdict, 0.1, 1.0)]) == (
        "sums (nll, lower is better): no strategy could be tested against random."
    )


def test_of_an_experiment(comparison):
    document = read_comparison(comparison)
    found = first_screen(document)
    assert len(found.headlines) == len(found.forests) == len(document["main_metrics"]) == 2
    for forest in found.forests:
        strategies, scale = forest.groups
        estimates = [one.estimate for one in strategies.rows]
        assert estimates == sorted(estimates, reverse=not forest.lower_is_better)
        assert {one.name for one in scale.rows} == {"untrained", "full"}
        assert all("480 examples" in one.detail for one in strategies.rows)  # the larger of 120 and 480
    facts = dict(found.facts)
    assert facts["Removed from the data"] == ("Of 900 rows, at most:", "7 duplicate", "15 too long")
    assert facts["What was compared"][0].startswith("6 strategies: ")
    assert "arithmetic held out: 300 items" in facts["How sure, and why"]
    assert "What is missing" not in facts
