"""Garbled text and answers to everything are found; a row that is like the task is not called strange."""

from __future__ import annotations

import json
import math
import random
from pathlib import Path

import pytest

from dataselect.recommendation.audit import AuditRequest, audit
from dataselect.recommendation.audit.unlike import Trigrams

BOILERPLATE = "Thank you, I hope that this answers the question which you asked."
PYTHON = "def area(width, height):\n    return [w * h for w, h in zip(width, height)]"


def prose(n: int) -> str:
    draw = random.Random(n)
    nouns = ["garden", "river", "mountain", "bridge", "window", "letter", "market", "village"]
    return ". ".join(f"The {draw.choice(nouns)} is near the {draw.choice(nouns)} of the town" for _ in range(4)) + "."


def garbled(text: str, n: int) -> str:
    letters = list(text)
    random.Random(n).shuffle(letters)
    return "".join(letters)


def write(path: Path, answers: list[str]) -> str:
    rows = [{"id": f"r{n}", "question": f"Question number {n}?", "answer": answer} for n, answer in enumerate(answers)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


def test_likeness_is_the_mean_log_share_of_the_other_texts_with_a_trigram():
    """ "ab" has the trigrams "  a", " ab" and "ab "; of three texts two have the first and one the others."""
    known = Trigrams(["ab", "ac", "zz"])
    # left out itself: 1 of the others has "  a", none the other two; each with half a text more, of three
    assert known.likeness("ab", True) == pytest.approx((math.log(1.5 / 3) + 2 * math.log(0.5 / 3)) / 3)
    assert known.likeness("ab", False) == pytest.approx((math.log(2.5 / 3) + 2 * math.log(1.5 / 3)) / 3)


def test_garbled_rows_are_marked_and_no_others(tmp_path):
    answers = [prose(n) for n in range(100)]
    answers[7], answers[60] = garbled(answers[7], 1), garbled(answers[60], 2)
    found = audit(AuditRequest(pools=write(tmp_path / "pool.jsonl", answers))).finding("unlike_pool")
    assert {one["id"] for one in found["examples"]} == {"r7", "r60"}
    assert found["count"] == 2


def test_what_is_like_the_task_is_not_strange(tmp_path):
    pool = write(tmp_path / "pool.jsonl", [PYTHON, *(prose(n) for n in range(99))])
    assert audit(AuditRequest(pools=pool)).finding("unlike_pool")["count"] == 1
    names = ("area", "total", "width", "height")
    items = [PYTHON.replace("area", name).replace("w *", f"{number} *") for name in names for number in "xyz"]
    task = write(tmp_path / "task.jsonl", items)
    keys = {one["key"] for one in audit(AuditRequest(pools=pool, tasks=task)).findings}
    assert "unlike_pool" not in keys


def test_a_small_pool_has_no_rest_to_be_unlike(tmp_path):
    pool = write(tmp_path / "pool.jsonl", [garbled(prose(0), 3), *(prose(n) for n in range(48))])
    assert "unlike_pool" not in {one["key"] for one in audit(AuditRequest(pools=pool)).findings}


def test_one_response_for_several_prompts_is_found_if_it_is_long(tmp_path):
    answers = [prose(n) for n in range(6)] + [BOILERPLATE, BOILERPLATE.upper(), "Yes.", "Yes."]
    found = audit(AuditRequest(pools=write(tmp_path / "pool.jsonl", answers))).finding("same_response")
    assert found["count"] == 2  # not the two short ones
    assert [one["note"] for one in found["examples"]] == [
        "the same response as pool.jsonl:8", "the same response as pool.jsonl:7",
    ]  # fmt: skip
