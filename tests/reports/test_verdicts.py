"""Verdicts in words."""

from __future__ import annotations

import pytest

from dataselect.reports.sections.verdicts import verdict_lines


def row(strategy, verdict, diff=None, interval=(None, None), budget=100, **more):
    base = {
        "strategy": strategy, "budget": budget, "unit": "examples", "task": "sums", "metric": "accuracy", "direction": "higher",
        "n_items": 9, "n_seeds": 1, "estimate": 0.5, "diff_to_random": diff, "ci_low": interval[0], "ci_high": interval[1], "p": None,
        "verdict": verdict, "compared_with": "random at 100 examples" if diff is not None else "", "diff_to_length_matched": None,
        "lm_ci_low": None, "lm_ci_high": None, "lm_p": None, "lm_verdict": None, "tests": 2, "p_holm": 0.5, "lm_p_holm": 0.5,
        "detectable": None, "lm_detectable": None, "lm_overlap": None, "note": "", "seed_noise": True, "lm_seed_noise": True,
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
            "a: one item: not compared; against random at 100 examples, +1.00 (no interval).",
        ),
        (
            row("untrained", "a reference, not a candidate", -0.5, (-0.9, -0.1), budget=0),
            "untrained: a reference, not a candidate; against random at 100 examples, −0.50 (95 %: −0.90 to −0.10).",
        ),
        (
            row("a", "no verdict: one seed", 0.05, (0.01, 0.09), seed_noise=False),
            "a: no verdict: one seed; against random at 100 examples, +0.050 (95 %: +0.010 to +0.090, without the noise of seeds).",
        ),
        (
            row("a", "no difference shown", 0.02, (-0.1, 0.14), detectable=0.2),
            "a: no difference shown against random at 100 examples, +0.02 (95 %: −0.10 to +0.14); "
            "an effect of 0.20 would have been seen in 80 % of such experiments.",
        ),
        (
            row("a", "no difference shown", 0.05, (0.01, 0.09), detectable=0.1, tests=16, p_holm=0.31),
            "a: no difference shown against random at 100 examples, +0.050 (95 %: +0.010 to +0.090); the interval excludes "
            "zero, but 16 tests side by side give such differences by chance (corrected p 0.31); "
            "an effect of 0.100 would have been seen in 80 % of such experiments.",
        ),
        (
            row("a", "better", 0.05, (0.01, 0.09), lm_verdict="no verdict: the control is the selection", lm_overlap=0.97, diff_to_length_matched=0.01, lm_ci_low=-0.04, lm_ci_high=0.06),
            "a: better than random at 100 examples, +0.050 (95 %: +0.010 to +0.090); no verdict: the control is the selection; "
            "against random of the same lengths, +0.010 (95 %: −0.040 to +0.060); 97 % of the control's rows are the selection's own.",
        ),
        (
            row("a", "better", 0.05, (0.01, 0.09), lm_verdict="no difference shown", diff_to_length_matched=0.01, lm_ci_low=-0.04, lm_ci_high=0.06),
            "a: better than random at 100 examples, +0.050 (95 %: +0.010 to +0.090); "
            "no difference shown against random of the same lengths, +0.010 (95 %: −0.040 to +0.060).",
        ),
    ],
)  # fmt: skip
def test_one_line(given, line):
    assert verdict_lines({"main_metrics": {"sums": "accuracy"}, "rows": [given], "missing": []}) == [
        f"sums (accuracy): {line}"
    ]


def test_budgets_share_a_line_and_controls_have_none():
    rows = [
        row("random", "control"),
        row("length-matched-random:a", "better", 0.05, (0.01, 0.09)),
        row("a", "better", 0.05, (0.01, 0.09)),
    ]
    rows += [row("a", "worse", -0.05, (-0.09, -0.01), budget=200, compared_with="random at 200 examples")]
    (line,) = verdict_lines({"main_metrics": {"sums": "accuracy"}, "rows": rows, "missing": []})
    assert line.count("random at") == 2


def test_references_come_after_all_candidates_and_what_is_missing_last():
    rows = [
        row("full", "a reference, not a candidate", 0.4, (0.3, 0.5), budget=0),
        row("a", "better", 0.05, (0.01, 0.09)),
    ]
    missing = ["a second seed of b at 100 examples: dataselect train"]
    lines = verdict_lines({"main_metrics": {"sums": "accuracy"}, "rows": rows, "missing": missing})
    assert [line.split(": ")[1] for line in lines[:2]] == ["a", "full"]
    assert "better" not in lines[1]
    assert lines[2] == "missing: a second seed of b at 100 examples: dataselect train."
