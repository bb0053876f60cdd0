"""Rows that share 13 words with a task: which leak an item, and which only share the wording of a template."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from dataselect.recommendation.audit import AuditRequest, audit

STORY = (
    "{name} had {n} apples in the morning and gave some of them to a friend, how many apples are left over at the end"
)
"""19 words that stay and two that do not: all prompts of the template share more than 13 in a row with each other."""
WORDS = [first + second for first in "bcdfghklmnprstvwz" for second in ("al", "en", "ir", "ost", "um", "ark", "ell")]


def sentence(seed: int, length: int) -> str:
    """Words drawn by chance, in no common phrase."""
    return " ".join(random.Random(seed).choices(WORDS, k=length))


def templated(name: str, n: int) -> dict[str, str]:
    return {"instruction": STORY.format(name=name, n=n), "output": f"{name} has {sentence(n, 4)}."}


ITEM = {"instruction": f"{sentence(1, 40)}?", "output": f"{sentence(2, 20)}."}
ITEMS = [ITEM, templated("Ada", 900), templated("Bo", 901)]


def found(tmp_path: Path, *rows: dict[str, str]) -> tuple[int, int]:
    """Leaks and shared wordings among 30 rows of the template, 30 of chance, and these."""
    pool = [templated(f"Name{n}", n) for n in range(30)]
    pool += [{"instruction": sentence(100 + n, 20), "output": sentence(200 + n, 20)} for n in range(30)]
    for name, lines in {"pool": [*pool, *rows], "task": ITEMS}.items():
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    report = audit(AuditRequest(pools=tmp_path / "pool.jsonl", tasks=tmp_path / "task.jsonl"))
    counts = [one["count"] if (one := report.finding(key)) else 0 for key in ("leak", "task_wording")]
    return counts[0], counts[1]


def test_rows_of_the_template_of_a_task_are_no_leaks(tmp_path):
    """Their phrases stand in 30 rows and more; the published rule would remove all of them."""
    assert found(tmp_path) == (0, 30)


WORDS_OF_ITEM = ITEM["instruction"].split()


@pytest.mark.parametrize(
    ("row", "leaks"),
    [
        ({"instruction": ITEM["instruction"], "output": "No."}, 1),  # the whole prompt
        ({"instruction": "Say it.", "output": ITEM["output"]}, 1),  # the whole answer
        ({"instruction": f"Please: {' '.join(WORDS_OF_ITEM[:20])}", "output": "No."}, 1),  # a half, 20 words of its own
        ({"instruction": f"Please: {' '.join(WORDS_OF_ITEM[:12])}", "output": "No."}, 0),  # one word too few to suspect
        (templated("Ada", 900), 1),  # an item of the template itself: covered, whatever its phrases
        (templated("Ada", 17) | {"output": "Ada has 17."}, 0),  # another number: a problem of its own
    ],
)  # fmt: skip
def test_what_leaks(tmp_path, row, leaks):
    assert found(tmp_path, row)[0] == leaks


def test_many_copies_of_an_item_do_not_make_its_words_common(tmp_path):
    """Nine different rows with half of the item: each counts among three at most, so its phrases stay rare."""
    half = " ".join(WORDS_OF_ITEM[:20])
    rows = [{"instruction": f"{half} {sentence(500 + n, 5)}", "output": sentence(600 + n, 5)} for n in range(9)]
    assert found(tmp_path, *rows)[0] == 9
