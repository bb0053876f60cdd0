from dataclasses import replace
from pathlib import Path

from dataselect.selection import SelectionCounts, SelectionSummary
from dataselect.selection.summary import SourceRows


def summary_of(counts, strategy="random", budget=10, short=False, ran_out=()):
    return SelectionSummary(
        Path("s.jsonl"), Path("s.manifest.json"), strategy, budget, "examples", counts, short, ran_out
    )


def test_a_clean_selection_is_one_short_line():
    summary = summary_of(SelectionCounts(100, {"over_budget": 90}, 10, None, 100))
    assert summary.line == "kept 10 of 100 examples (random) in s.jsonl"
    assert (summary.notes, summary.funnel) == ((), "")


def test_of_several_pools_it_says_how_many_rows_each_gave():
    sources = {"a.jsonl": SourceRows(70, 8), "b.jsonl": SourceRows(30, 2)}
    summary = replace(summary_of(SelectionCounts(100, {"over_budget": 90}, 10, None, 100)), sources=sources)
    assert summary.line == "kept 10 of 100 examples (random) in s.jsonl; from a.jsonl 8 of 70, b.jsonl 2 of 30"
    many = replace(summary, sources={f"{i}.jsonl": SourceRows(10, 1) for i in range(10)})
    assert many.line.endswith("7.jsonl 1 of 10 and 2 more")


def test_the_summary_line_reports_shortages_and_unread_records():
    counts = SelectionCounts(2000, {"without_scores": 24}, 1976, 12345, 1976, 1, 5, 6, 2, 3)
    assert summary_of(counts, "ifd-high", 1980, True, ("a.jsonl",)).line == (
        "kept 1,976 of 2,000 examples (ifd-high, 12,345 tokens) in s.jsonl; "
        "fewer than the 1,980 examples asked for: all 1,976 rankable rows are kept; "
        "a.jsonl ran out before its quota, and the others filled it; 1 unreadable record; "
        "6 NaN or infinite scores taken as missing; 5 scored ids not in the pool; "
        "2 unreadable records in the target set; 3 unreadable records in the evaluation sets"
    )


def test_the_funnel_is_a_sum_that_can_be_checked():
    left_out = {"without_scores": 2, "too_long": 30, "where": 400, "near_duplicate": 1, "over_budget": 1067}
    assert summary_of(SelectionCounts(2000, left_out, 500, None, 1567)).funnel.splitlines() == [
        "    2,000 rows in",
        "  -     2 without scores",
        "  -    30 too_long",
        "  -   400 outside --where",
        "  -     1 near-duplicate",
        "  - 1,067 over the budget",
        "  =   500 rows out",
    ]
