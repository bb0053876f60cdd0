"""Verdicts in words."""

from __future__ import annotations

import pytest

from dataselect.reports.sentences import verdict_lines


def row(strategy, verdict, diff=None, interval=(None, None), budget=100, **more):
    base = {
        "strategy": strategy, "budget": budget, "unit": "examples", "task": "sums", "metric": "accuracy", "direction": "higher",
        "n_items": 9, "n_seeds": 1, "estimate": 0.5, "diff_to_random": diff, "ci_low": interval[0], "ci_high": interval[1], "p": None,
        "verdict": verdict, "compared_with": "random at 100 examples" if diff is not None else "", "diff_to_length_matched": None,
        "lm_ci_low": None, "lm_ci_high": None, "lm_p": None, "lm_verdict": None, "note": "", "seed_noise": True, "lm_seed_noise": True,
    }  # fmt: skip
    return base | more


@pytest.mark.parametrize(
    ("given", "line"),
    [
        (row("a", "better", 0.05, (0.01, 0.09)), "a: better than random at 100 examples, +0.050 (95 %: +0.010 to +0.090)."),
        (row("a", "worse", -0.5, (-0.9, -0.1)), "a: worse than random at 100 examples, −0.50 (95 %: −0.90 to −0.10)."),
        (
            row("a", "no difference shown", 0.0, (-0.1, 0.1)),
            "a: no difference shown against random at 100 examples, 0.00 (95 %: −0.10 to +0.10).",
        ),
        (
            row("a", "better", 0.05, (0.01, 0.09), seed_noise=False),
            "a: better than random at 100 examples, +0.050 (95 %: +0.010 to +0.090, without the noise of seeds).",
        ),
        (row("a", "no random control: not compared"), "a: at 100 examples, no random control: not compared."),
        (row("a", "better", 1.0), "a: better than random at 100 examples, +1.00 (no interval)."),
        (
            row("a", "one item: not compared", 1.0),
            "a: one item: not compared, with random at 100 examples, +1.00 (no interval).",
        ),
        (
            row("untrained", "worse", -0.5, (-0.9, -0.1), budget=0),
            "untrained: worse than random at 100 examples, −0.50 (95 %: −0.90 to −0.10).",
        ),
        (
            row("a", "better", 0.05, (0.01, 0.09), lm_verdict="no difference shown", diff_to_length_matched=0.01, lm_ci_low=-0.04, lm_ci_high=0.06),
            "a: better than random at 100 examples, +0.050 (95 %: +0.010 to +0.090); "
            "no difference shown against random of the same lengths, +0.010 (95 %: −0.040 to +0.060).",
        ),
    ],
)  # fmt: skip
def test_one_line(given, line):
    assert verdict_lines({"main_metrics": {"sums": "accuracy"}, "rows": [given]}) == [f"sums (accuracy): {line}"]


def test_budgets_share_a_line_and_controls_have_none():
    rows = [
        row("random", "control"),
        row("length-matched-random:a", "better", 0.05, (0.01, 0.09)),
        row("a", "better", 0.05, (0.01, 0.09)),
    ]
    rows += [row("a", "worse", -0.05, (-0.09, -0.01), budget=200, compared_with="random at 200 examples")]
    (line,) = verdict_lines({"main_metrics": {"sums": "accuracy"}, "rows": rows})
    assert line.count("random at") == 2
