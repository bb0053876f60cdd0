"""The audit's page: hostile text stays text, nothing is fetched or run, and no width needs sideways scrolling."""

from __future__ import annotations

import pytest

from dataselect.reports.audit import audit_page, sentence, small_percent

HOSTILE = (
    "</script><script>document.title='owned'</script><!-- <img src=x onerror=\"document.title='owned'\"> `code` "
    "\u2028 \u202e right to left {{ 7*7 }} {% raw %} <b>%{x}</b> &lt;script&gt;"
)


def _finding(key: str, severity: str, text: str) -> dict:
    return {
        "key": key, "title": "Empty responses", "severity": severity, "meaning": "There is nothing to learn.",
        "count": 10, "of": 400, "share": 0.025, "pools": {"a.jsonl": 10, text: 0},
        "examples": [{"where": f"{text[:60]}:3", "id": text, "note": text, "prompt": text, "response": text * 2}],
        "remedy": {"options": '--scores DIR/rows.parquet --where "empty_response == 0"', "removes": 10, "instead": ""},
        "detail": {text: 3, "other": 7},
    }  # fmt: skip


def _pool(name: str, rows: int) -> dict:
    length = {
        "mean": 12.5,
        "quantiles": {"0.05": 1, "0.25": 2, "0.5": 10, "0.75": 20, "0.95": 30, "0.99": 40, "1": 99_999},
    }
    return {
        "name": name, "sha256": "ab" * 32, "rows": rows, "rejects": 3, "columns": {name: 4, "output": rows},
        "values": {"source": {name: rows}}, "lengths": {"response_characters": length, "prompt_characters": length},
        "formats": {"schemas": {"plain text": rows}, "turns": {"median": 2, "most": 4}, "traits": {"code": 1, "latex": 0}},
        "languages": {"en": rows - 1, "(unknown)": 1}, "openings": [{"opening": name, "count": 2, "share": 2 / rows}],
    }  # fmt: skip


def _document(text: str) -> dict:
    return {
        "kind": "audit", "pools": [_pool("a.jsonl", 300), _pool(text, 100)], "rows": 400, "rejects": 6,
        "tasks": [{"name": text, "sha256": "cd" * 32, "items": 20}],
        "model": {"name": text, "template": "alpaca", "max_length": 511},
        "findings": [_finding(f"kind_{n}", s, text) for n, s in enumerate(("serious", "look", "note"))],
        "not_checked": {"near_duplicate": text, "shared_near": text},
        "overlaps": [{"earlier": "a.jsonl", "later": text, "exact": 3, "near": None, "exact_share": 0.03}],
        "removal": {"serious": 10, "duplicates": 3, "together": 13, "left": 387, "options": "--dedup exact"},
        "languages_by": "a library 1.0",
    }  # fmt: skip


def test_the_sentence_adds_up():
    assert sentence(_document("b.jsonl")) == (
        "Of 400 rows in 2 pools, 10 rows show a serious fault or text of a task and 3 rows repeat another; 387 rows are left without them. "
        "6 records could not be read."
    )
    assert sentence(_document("b") | {"findings": [], "rejects": 0}) == "Nothing was found in 400 rows in 2 pools."


def test_a_share_is_never_shown_as_zero_where_there_is_something():
    assert small_percent(1 / 100_000) == "under 0.1 %"
    assert small_percent(0) == "0.0 %"
    assert small_percent(0.025) == "2.5 %"


def test_hostile_text_stays_text():
    page = audit_page(_document(HOSTILE))
    assert "<script" not in page
    assert "<img" not in page
    assert "&lt;/script&gt;&lt;script&gt;document.title" in page
    assert len(page.encode()) < 2_000_000


@pytest.mark.browser
@pytest.mark.parametrize("width", [1400, 800, 400])
@pytest.mark.parametrize("text", ["b.jsonl", HOSTILE, "x" * 300])
def test_no_width_needs_sideways_scrolling(browser, tmp_path, width, text):
    (tmp_path / "audit.html").write_text(audit_page(_document(text)), encoding="utf-8")
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    )
    browser.get(f"file://{tmp_path}/audit.html")
    assert browser.title == "Audit · dataselect"
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width
    assert not [one for one in browser.get_log("browser") if one["level"] == "SEVERE"]
