from pathlib import Path

from dataselect.selection import Counts, SelectionSummary


def test_a_clean_selection_is_one_short_line():
    counts = Counts(100, 0, 0, {}, 0, 0, 100, 0, 0, 100, 10, None)
    summary = SelectionSummary(Path("s.jsonl"), Path("s.manifest.json"), "random", 10, "examples", counts, False)
    assert summary.line == "kept 10 of 100 examples (random) in s.jsonl"
    assert summary.notes == ()


def test_everything_that_was_left_out_is_said():
    counts = Counts(2000, 1, 2, {"too_long": 3, "too_short": 4}, 5, 6, 1991, 7, 8, 1976, 1976, 12345)
    summary = SelectionSummary(Path("s.jsonl"), Path("s.manifest.json"), "ifd-high", 1980, "examples", counts, True)
    assert summary.line == (
        "kept 1,976 of 2,000 examples (ifd-high, 12,345 tokens) in s.jsonl; "
        "fewer than the 1,980 examples asked for: all 1,976 rankable rows are kept; 1 unreadable record; "
        "2 rows without scores; 3 rows too_long; 4 rows too_short; 7 rows with no value to rank by; "
        "6 NaN or infinite scores taken as missing; 8 rows dropped by the rule of ifd-high; "
        "5 scored ids not in the pool"
    )
