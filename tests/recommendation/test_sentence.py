"""The sentence of a recommendation: units, counts and zeros, from documents made by hand."""

from __future__ import annotations

from typing import Any

import pytest

from dataselect.recommendation.cleaning import REMOVED_WORDS
from dataselect.recommendation.faults import FAULTS, in_words
from dataselect.recommendation.sentence import difference_words, sentence_of


def gap(estimate: float, low: float, high: float) -> dict[str, float]:
    return {"estimate": estimate, "ci_low": low, "ci_high": high}


def task(name: str = "sums", items: int = 20, metric: str = "nll", **more: Any) -> dict[str, Any]:
    made = {
        "task": name,
        "metric": metric,
        "n_items": items,
        "n_seeds": 4,
        "untrained": 2.0,
        "model": 1.5,
        "random": 1.5,
    }
    return made | {"to_untrained": gap(-0.5, -0.6, -0.4), "to_random": gap(-0.04, -0.1, 0.02)} | more


def document(*tasks: dict[str, Any], **more: Any) -> dict[str, Any]:
    made = {
        "decision": "undecided", "file": "rows.jsonl", "rows": 12, "tokens": 900, "sources": {"a": 1.0},
        "strategy": "random", "removed_in_words": "", "tasks": list(tasks), "unmoved": [], "finalist": "all.longest",
        "gap": gap(0.14, -0.2, 0.48), "gain": gap(0.5, 0.4, 0.6), "margin": 0.05, "detectable": 0.5, "level": 0.05,
        "asked": None, "budget": 900, "trainings": 20, "minutes": 3.2,
    }  # fmt: skip
    return made | more


UNMOVED = {"task": "sums", "metric": "exact_match_strict", "items": 20, "answered": False}


def test_of_one_task_the_difference_is_in_its_metric():
    said = sentence_of(document(task()))
    assert "the best, all.longest, differs by −0.04 NLL (95 %: −0.10 to +0.02); an effect of 0.5 NLL would have" in said
    assert "the figures are from 4 seeds and 20 items that" in said


def test_of_several_tasks_it_is_their_mean_in_standard_deviations_and_all_items_count():
    said = sentence_of(document(task(), task("stories", 41, "accuracy")))
    assert (
        "differs by +0.14 standard deviations of an item (95 %: −0.20 to +0.48), the mean of 2 tasks; an effect of"
        in said
    )
    assert "an effect of 0.5 standard deviations of an item would have been seen" in said
    assert "61 items (20 of sums, 41 of stories) that the search did not see" in said


def test_an_equivalent_one_says_the_unit_of_the_margin():
    said = sentence_of(document(task(), task("stories"), decision="equivalent"))
    assert (
        "(+0.14 standard deviations of an item (95 %: −0.20 to +0.48), the mean of 2 tasks), within 0.05 standard"
        in said
    )


def test_a_task_that_no_model_answers_is_named_with_what_to_do_and_zero_has_no_sign():
    zero = task(metric="exact_match_strict", untrained=0.0, to_untrained=gap(-0.0, -0.0, -0.0), to_random=None)
    said = sentence_of(document(zero, unmoved=[UNMOVED], gap=None, finalist=None, detectable=None))
    assert "No model, trained or not, answered any of the 20 items of sums that steer the search" in said
    assert "cannot steer it: give its written answers as a likelihood task (held-out:FILE" in said
    assert "Expected on sums: exact_match_strict stays 0." in said
    assert "−0" not in said
    assert difference_words(gap(-0.0, 0.0, -0.0)) == "0 (0 to 0)"


def test_a_task_on_which_nothing_moves_is_named_too():
    said = sentence_of(document(task(), unmoved=[UNMOVED | {"answered": True, "items": 1}]))
    assert "No training changed the outcome of any of the 1 item of sums that steers the search" in said


def test_one_of_everything_is_singular():
    said = sentence_of(
        document(
            task(items=1, n_seeds=1), rows=1, tokens=1, trainings=1, minutes=1.0, removed_in_words="1 near-duplicate"
        )
    )
    assert "a clean random subset: 1 row (1 token), all from a after removing 1 near-duplicate." in said
    assert (
        "Decided after 1 training, 1 minute; the figures are from 1 seed and 1 item that the search did not see."
        in said
    )


@pytest.mark.parametrize("kind", FAULTS)
def test_every_fault_reads_after_one_and_after_two(kind):
    """`1 row that leaks a task`, `2 rows that leak a task`."""
    one, two = (in_words({kind: number}, REMOVED_WORDS) for number in (1, 2))
    assert one.startswith("1 ")
    assert two.startswith("2 ")
    assert one[2:] != two[2:]
    assert not one.split()[1].endswith("s")


def test_counts_are_in_order():
    assert in_words({"duplicate": 1, "leak": 31}, REMOVED_WORDS) == "31 rows that leak a task, 1 duplicate"
