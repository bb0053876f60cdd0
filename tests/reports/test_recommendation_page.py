"""The page of a recommendation: its first screen says what the document says; hostile text stays text; it fits any width."""

from __future__ import annotations

import copy
import json
import re
from typing import Any

import pytest

from dataselect.reports.forest import Forest, ForestGroup, ForestRow
from dataselect.reports.recommendation import recommendation_forest, recommendation_page

HOSTILE = (
    "</script><script>document.title='owned'</script><!-- <img src=x onerror=\"document.title='owned'\"> `code` "
    "\u2028 \u202e right to left {{ 7*7 }} {% raw %} <b>%{x}</b> &lt;script&gt;"
)
_ARMS = ("gsm8k.ppl-mid", "all.similarity", "gsm8k.random", "all.ppl-low", "gsm8k+dolly.random", "dolly.random",
         "all.ppl-mid", "all.longest", "alpaca.random", "all.ifd-high", "all.ppl-high")  # fmt: skip


def _decision(arm: str, gain: float, half: float | None, decision: str, budget: int = 40_000, **more: Any) -> dict:
    ends = (None, None) if half is None else (gain - half, gain + half)
    base = {
        "arm": arm, "budget": budget, "decision": decision, "estimate": gain, "low": ends[0], "high": ends[1],
        "seeds": 3, "tokens": 3 * budget, "reason": "look 2 at level 0.0083, 3 and 4 seeds",
    }  # fmt: skip
    return base | more


def _task(name: str, to_random: tuple[float, float, float], metric: str = "nll", direction: str = "lower") -> dict:
    estimate, low, high = to_random
    return {
        "task": name, "metric": metric, "direction": direction, "n_items": 400, "n_seeds": 3,
        "untrained": 1.52, "model": 1.31, "to_untrained": {"estimate": -0.21, "ci_low": -0.26, "ci_high": -0.16},
        "to_random": {"estimate": estimate, "ci_low": low, "ci_high": high},
    }  # fmt: skip


def _looks(search: list[dict]) -> list[dict]:
    return [
        {"arm": one["arm"], "budget": one["budget"], "look": 1, "alpha": 0.025, "seeds": 2, "control_seeds": 3, "dof": 9,
         "estimate": one["estimate"], "low": one["low"], "high": one["high"], "decision": one["decision"]}
        for one in search
        if one["decision"] != "failed"
    ]  # fmt: skip


def better() -> dict[str, Any]:
    """One task; the finalist is better than random on the sealed items."""
    gains = (0.062, 0.041, 0.035, 0.022, 0.015, 0.004, -0.003, -0.012, -0.021, -0.045, -0.09)
    kinds = ["better", "better", *["undecided"] * 5, *["undecided"] * 2, "worse", "worse"]
    search = [_decision(a, g, 0.03, k) for a, g, k in zip(_ARMS, gains, kinds, strict=True)]
    search = [
        _decision(a, g / 2, 0.04, "undecided", 20_000, seeds=1) for a, g in zip(_ARMS, gains, strict=True)
    ] + search
    return {
        "sentence": "Train on out/recommended.jsonl: 1,200 rows (310,000 tokens), 70 % from gsm8k, 30 % from dolly, chosen "
        "by ppl-mid after removing 412 duplicates and 31 rows that leak the task. Expected on the task: NLL −0.21 (95 %: "
        "−0.26 to −0.16) against the untrained model, −0.05 (−0.09 to −0.01) against the same number of random tokens. "
        "Decided after 14 trainings, 38 minutes.",
        "decision": "better", "budget": 310_000, "unit": "tokens", "rows": 1200, "tokens": 310_000, "strategy": "ppl-mid",
        "candidate": "gsm8k.ppl-mid", "sources": {"gsm8k": 0.7, "dolly": 0.3},
        "removed": {"duplicates": 412, "rows_that_leak_the_task": 31, "rows_without_a_trained_token": 0},
        "tasks": [_task("gsm8k", (-0.05, -0.09, -0.01))], "trainings": 14, "train_tokens": 480_000, "minutes": 38.2,
        "search": search, "looks": _looks(search),
        "plan": {"train_tokens_per_second": 262.0, "sample_rows": 900, "rungs": [20_000, 40_000], "model": "SmolLM2-135M"},
        "notes": [],
    }  # fmt: skip


def not_shown() -> dict[str, Any]:
    """Two tasks; nothing was shown to beat random, so a clean random subset is recommended."""
    search = [_decision(a, 0.04 - 0.01 * n, 0.11, "undecided") for n, a in enumerate(_ARMS[:6])]
    tasks = [_task("sums", (-0.004, -0.05, 0.04)), _task("stories", (0.002, -0.03, 0.034), "accuracy", "higher")]
    return better() | {
        "sentence": "No strategy was shown to beat random at this budget; out/recommended.jsonl is a clean random subset: 800 "
        "rows (120,000 tokens), 55 % from a, 45 % from b. To show a difference of 0.04 it would take 12 more trainings, 25 "
        "minutes.",
        "decision": "undecided", "strategy": "random", "candidate": "all.random", "finalist": "all.similarity",
        "rows": 800, "tokens": 120_000, "sources": {"a": 0.55, "b": 0.45}, "tasks": tasks, "removed": {},
        "gap": {"estimate": 0.006, "ci_low": -0.03, "ci_high": 0.05},
        "search": search, "looks": _looks(search), "notes": ["sums has 24 sealed items: 96 would halve the interval."],
    }  # fmt: skip


def with_failures() -> dict[str, Any]:
    """A harmful pool far from the rest, and candidates that failed."""
    base = better()
    search = [_decision(a, 0.05 - 0.02 * n, 0.03, "undecided") for n, a in enumerate(_ARMS[:4])]
    search.append(_decision("harmful.random", -1.9, 0.4, "worse"))
    lost = {"estimate": None, "seeds": 0, "tokens": 0, "decision": "failed"}
    reasons = {"all.ifd-high": "the loss is not finite after 12 steps", "noise.ppl-high": "the filter leaves no rows"}
    search += [_decision(arm, 0.0, None, "failed") | lost | {"reason": why} for arm, why in reasons.items()]
    return base | {"search": search, "looks": _looks(search)}


DOCUMENTS = {"better": better, "not shown": not_shown, "failures": with_failures}


def words(page: str) -> str:
    """The text of a page, without its style."""
    return re.sub(r"\s+", " ", re.sub(r"<style>.*?</style>|<[^>]+>", " ", page, flags=re.DOTALL))


def test_the_first_screen_says_what_the_document_says():
    text = words(recommendation_page(better()))
    first = text[: text.index("Decision on every candidate")]
    for part in (
        better()["sentence"], "Shown to be better than random", "1,200 rows, 310,000 tokens",
        "about 20 minutes for one epoch on this machine",  # 310,000 / 262 / 60 = 19.7
        "400 sealed items, read by the final only; 3 fresh seeds a side", "412 duplicates", "31 rows that leak the task",
        "70.0 % from gsm8k", "chosen by ppl-mid", "22 looks in the search, at most 0.050 of 0.05 error",
    ):  # fmt: skip
        assert part in first, part
    assert "0 rows without a trained token" not in text


def test_what_was_removed_is_said_in_the_words_of_the_sentence():
    text = words(recommendation_page(better() | {"removed_in_words": "19 duplicates, 28 rows that leak a task"}))
    assert "19 duplicates 28 rows that leak a task" in text


def test_two_epochs_cost_twice_the_time():
    text = words(recommendation_page(better() | {"recipe": {"epochs": 2}}))
    assert "about 39 minutes for 2 epochs on this machine" in text  # 2 * 310,000 / 262 / 60 = 39.4


def test_gains_become_differences_of_a_metric_of_which_less_is_better():
    forest = recommendation_forest(better())
    final, search = forest.groups
    assert forest.lower_is_better
    assert [(row.name, row.estimate) for row in final.rows] == [("gsm8k.ppl-mid", -0.05)]
    first, last = search.rows[0], search.rows[-1]
    assert (first.name, first.estimate, first.low, first.high) == (
        "gsm8k.ppl-mid", -0.062, pytest.approx(-0.092), pytest.approx(-0.032),
    )  # fmt: skip
    assert (last.name, last.estimate) == ("all.ppl-high", 0.09)
    assert first.detail == "40,000 tokens, 3 seeds"  # of the two budgets, the larger
    assert forest.place(last.estimate) > forest.zero > forest.place(first.estimate)


def test_of_several_tasks_more_is_better_and_the_final_is_the_combined_one():
    forest = recommendation_forest(not_shown())
    final, search = forest.groups
    assert not forest.lower_is_better
    assert [(row.name, row.estimate, row.tone) for row in final.rows] == [("all.similarity", 0.006, "none")]
    assert [row.estimate for row in search.rows] == sorted((row.estimate for row in search.rows), reverse=True)


def test_failures_are_rows_with_their_reason_and_a_harmful_pool_does_not_flatten_the_rest():
    forest = recommendation_forest(with_failures())
    marks = {mark.row.name: mark for mark in forest.marks(forest.groups[1])}
    assert marks["all.ifd-high"].numbers == "failed: the loss is not finite after 12 steps"
    assert marks["all.ifd-high"].at is None
    assert marks["harmful.random"].cut_right  # +1.9, far outside
    assert marks["harmful.random"].at is None
    assert forest.limits[1] < 0.2
    assert "+1.900 (+1.500 to +2.300)" in recommendation_page(with_failures())


@pytest.mark.parametrize("decision", ["", "none", "failed-in-a-new-way"])
def test_without_a_final_or_a_search_there_is_still_a_page(decision):
    document = better() | {"decision": decision, "search": [], "looks": [], "removed": {}, "plan": {}, "sources": {}}
    document["tasks"] = [document["tasks"][0] | {"to_random": None}]
    page = recommendation_page(document)
    assert 'class="forest"' not in page
    assert "the speed was not measured" in page
    assert "not compared" in page


def test_equal_values_have_an_axis():
    rows = tuple(ForestRow(name, 0.0, 0.0, 0.0) for name in "ab")
    assert Forest("t", (ForestGroup("", rows),), True).zero == 50.0
    assert Forest("t", (ForestGroup("", (ForestRow("a", None),)),), True).limits == (-1.0, 1.0)


def hostile(value):
    """The document with every text replaced, but those that the code reads."""
    if isinstance(value, dict):
        kept = {"decision", "direction"}
        return {key: one if key in kept else hostile(one) for key, one in value.items()}
    if isinstance(value, list):
        return [hostile(one) for one in value]
    return HOSTILE + value if isinstance(value, str) else value


def test_hostile_text_stays_text():
    page = recommendation_page(hostile(copy.deepcopy(better())))
    assert "<script" not in page
    assert "<img" not in page
    assert "&lt;/script&gt;&lt;script&gt;document.title" in page


@pytest.mark.browser
@pytest.mark.timeout(180)
@pytest.mark.parametrize("name", DOCUMENTS)
def test_in_a_browser_without_scripts(name, browser, tmp_path):
    path = tmp_path / "report.html"
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        for document, width in ((DOCUMENTS[name](), 1400), (DOCUMENTS[name](), 400), (hostile(DOCUMENTS[name]()), 400)):
            path.write_text(recommendation_page(document), encoding="utf-8")
            assert path.stat().st_size < 500_000
            size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
            browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
            browser.get_log("browser"), browser.get_log("performance")
            browser.get(path.as_uri())
            metrics = browser.execute_cdp_cmd("Page.getLayoutMetrics", {})
            assert metrics["cssContentSize"]["width"] <= width
            found = browser.find_elements("css selector", ".verdict, .forest, .facts")
            assert all(one.is_displayed() for one in found)
            assert len(found) == 3
            if width == 1400:
                assert found[1].rect["y"] < 500  # the figure begins on the first screen
            for part in browser.find_elements("css selector", "details.part"):
                part.find_element("css selector", "summary").send_keys("\ue007")
                assert part.find_element("css selector", "table").is_displayed()
            assert browser.execute_cdp_cmd("Page.getLayoutMetrics", {})["cssContentSize"]["width"] <= width
            assert [one for one in browser.get_log("browser") if one["level"] in ("SEVERE", "WARNING")] == []
            messages = [json.loads(one["message"])["message"] for one in browser.get_log("performance")]
            urls = [m["params"]["request"]["url"] for m in messages if m["method"] == "Network.requestWillBeSent"]
            assert [url for url in urls if url != path.as_uri()] == []
    finally:
        browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
