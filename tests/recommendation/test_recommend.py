"""`recommend` from end to end on a model of one layer: the answer, resuming, continuing, and what it refuses."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pyarrow.parquet as pq
import pytest
from helpful_pool import RECIPE, TRAIN_TOKENS, lasting, trained, write_rows

from dataselect.errors import DataselectError, UsageError
from dataselect.recommendation import parse_seconds, recipe_of, recommend
from dataselect.recommendation.race import Measurement


def test_the_helpful_pool_is_recommended_and_everything_is_on_disk(finished) -> None:
    """The answer names its rows, its figures come from sealed items, and no model is left behind."""
    document = json.loads((finished.out / "recommendation.json").read_text())
    rows = [json.loads(line) for line in (finished.out / "recommended.jsonl").read_text().splitlines()]
    assert document["decision"] == "better"
    assert document["sources"] == {"good": 1.0}
    assert all("yes yes yes" in row["response"] for row in rows)
    assert document["rows"] == len(rows)
    (task,) = document["tasks"]
    assert task["n_items"] + document["split"][0]["steering_items"] == 48
    assert task["n_seeds"] >= 3
    assert task["to_untrained"]["estimate"] == pytest.approx(task["model"] - task["untrained"])
    assert task["to_random"]["estimate"] == pytest.approx(task["model"] - task["random"])
    assert task["to_random"]["ci_high"] < 0  # of a loss less is better
    assert document["sentence"].startswith(f"Train on {finished.out / 'recommended.jsonl'}: {len(rows)} rows")
    assert document["trainings"] == len(trained(finished.out))
    assert document["train_tokens"] <= TRAIN_TOKENS
    assert [one["name"] for one in document["controls"]] == ["random rows of the same lengths", "all clean rows"]
    for control in document["controls"]:
        assert any(control["name"] in note for note in document["notes"]), "compared, or with what it would take"
    assert not list(finished.out.rglob("*.safetensors"))
    assert (finished.out / "report.html").stat().st_size < 2_000_000


def test_the_same_command_again_trains_nothing(finished, again) -> None:
    """Every measurement is read, although no model is left, and although the folder was moved."""
    made = recommend(again)
    assert trained(again.out) == trained(finished.out)
    before = json.loads((finished.out / "recommendation.json").read_text())
    assert lasting(dict(made.document)) == lasting(before)
    assert json.loads((again.out / "recommendation.json").read_text()) == made.document


def test_more_tokens_repeat_no_training_and_look_again_at_a_smaller_level(finished, again) -> None:
    """All that was measured is kept; the first final is judged at 0.05, another at 0.025, the first again at 0.05."""
    before = trained(finished.out)
    longer = recommend(replace(again, train_tokens=30_000)).document
    after = trained(again.out)
    assert {name: after[name] for name in before} == before
    assert len(after) > len(before)
    assert (longer["look"], longer["level"]) == (2, 0.025)
    assert "look 2 at the sealed items: intervals hold at 97.5 %" in longer["notes"]
    shorter = recommend(again).document
    assert (shorter["look"], shorter["level"]) == (1, 0.05)
    assert trained(again.out) == after


def test_another_strategy_reuses_the_trainings_of_the_others(finished, again) -> None:
    """With `longest` beside `random`, all arms of the shorter list are read from disk."""
    before = trained(finished.out)
    recommend(replace(again, strategies=("random", "longest"), train_tokens=24_000))
    after = trained(again.out)
    assert {name: after[name] for name in before} == before
    assert any("longest" in name for name in after)


def test_where_every_training_diverges_nothing_is_recommended(request_) -> None:
    """One line says why; no rows are written."""
    hot = replace(request_, recipe=replace(RECIPE, learning_rate=1e30))
    with pytest.raises(DataselectError, match=r"nothing is recommended.*the training diverged") as refused:
        recommend(hot)
    assert "\n" not in str(refused.value)
    assert not (request_.out / "recommended.jsonl").exists()


def test_a_candidate_that_fails_does_not_end_the_search(again, monkeypatch) -> None:
    """An arm whose every training fails is recorded with its reason, and the others go on."""
    from dataselect.recommendation.searching import SearchedTrainings

    measure = SearchedTrainings.measure

    def failing(self: SearchedTrainings, arm: str, budget: int, seed: int) -> Measurement:
        return (
            Measurement(None, 0, "the training diverged") if arm == "bad.random" else measure(self, arm, budget, seed)
        )

    monkeypatch.setattr(SearchedTrainings, "measure", failing)
    document = recommend(again).document
    (failed,) = [one for one in document["search"] if one["arm"] == "bad.random"]
    assert (failed["decision"], failed["reason"]) == ("failed", "the training diverged")
    assert document["sources"] == {"good": 1.0}


def test_a_fixed_budget_is_what_is_recommended(request_) -> None:
    """Forty rows are asked for; the final tests the first ones of them if it cannot afford all."""
    document = recommend(replace(request_, budgets=("40",))).document
    assert 30 <= document["rows"] <= 50
    assert document["asked"] == pytest.approx(document["tokens"], rel=0.1)
    assert document["budget"] <= document["asked"]


def test_controls_of_length_and_of_everything_are_trained_where_tokens_are_left(request_) -> None:
    """A small budget leaves tokens for three trainings on rows of the same lengths, and not for three on all rows."""
    document = recommend(replace(request_, budgets=("12",))).document
    matched, full = document["controls"]
    (gap,) = matched["tasks"]
    assert gap["difference"]["ci_low"] < gap["difference"]["estimate"] < gap["difference"]["ci_high"]
    assert len([name for name in trained(request_.out) if "same" in name and "lengths" in name]) == 3
    counted = pq.read_table(request_.out / "lengths" / "tokens.parquet")
    assert full["tokens"] == sum(counted["total_tokens"].to_pylist())
    assert not full["tasks"]
    assert f"{3 * full['tokens']:,} more would do" in " ".join(document["notes"])
    assert document["train_tokens"] <= TRAIN_TOKENS


def test_a_sample_that_is_every_clean_row_is_not_scored_or_embedded_again(request_) -> None:
    """The final chooses from the tables of the search."""
    said: list[str] = []
    document = recommend(replace(request_, strategies=("similarity",), encoder="tfidf"), said.append).document
    assert document["finalist"].endswith("similarity"), "the final needed embeddings"
    assert sum(line.startswith("embed ") for line in said) == 1, said
    assert not (request_.out / "whole").exists()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"tasks": ()}, "no task was given"),
        ({"budgets": ("auto", "10")}, "--budget auto cannot be combined"),
        ({"seconds": 60.0}, "--time and --train-tokens both"),
        ({"strategies": ("ppl-mit",)}, "ppl-mid"),
        ({"train_tokens": 100}, "100 training tokens are too few"),
        ({"budgets": ("5000",)}, "the budget asks for 5,000 examples, but the pool has"),
        ({"train_tokens": None, "seconds": 1.0}, "the time is too short"),
    ],
)
def test_bad_input_is_refused_in_one_line(request_, change, told) -> None:
    """What came, and what to do."""
    with pytest.raises(DataselectError, match=told) as refused:
        recommend(replace(request_, **change))
    assert "\n" not in str(refused.value)


def test_a_task_that_is_a_pool_is_refused(request_, files) -> None:
    """Every row would be a leak."""
    with pytest.raises(UsageError, match="is the pool"):
        recommend(replace(request_, tasks=(str(files["good"]),)))


def test_a_pool_without_usable_rows_is_refused(request_, files, tmp_path) -> None:
    """Its reasons are counted."""
    empty = write_rows(tmp_path / "empty.jsonl", [{"prompt": f"Say {i}.", "response": ""} for i in range(9)])
    with pytest.raises(DataselectError, match=r"no row of empty.jsonl is usable: of 9 records 9 empty responses"):
        recommend(replace(request_, pools=(str(files["good"]), str(empty))))


def test_times() -> None:
    """Hours, minutes and seconds, alone and together."""
    assert [parse_seconds(text) for text in ("2h", "45m", "1h30m", "90s", "1.5h", "10min")] == [
        7200, 2700, 5400, 90, 5400, 600,
    ]  # fmt: skip
    for text in ("", "0m", "soon", "10"):
        with pytest.raises(UsageError, match="--time expects"):
            parse_seconds(text)


def test_the_recipe(tmp_path) -> None:
    """One epoch and, for the bundled model, a rate of 1e-3, unless the file says otherwise."""
    assert (recipe_of(None, "other", lora=False).epochs, recipe_of(None, "other", lora=False).learning_rate) == (
        1,
        1e-4,
    )
    assert recipe_of(None, "builtin", lora=True).learning_rate == 1e-2  # ten times that of all weights
    assert recipe_of(None, "other", lora=True).learning_rate == pytest.approx(1e-3)
    assert recipe_of(None, "builtin", lora=True).lora
    file = tmp_path / "recipe.yaml"
    file.write_text("learning_rate: 0.5\nepochs: 2\n")
    assert (recipe_of(file, "builtin", lora=False).learning_rate, recipe_of(file, "builtin", lora=False).epochs) == (
        0.5,
        2,
    )
    assert recipe_of(file, "builtin", lora=True).learning_rate == 0.5
    file.write_text("lora: true\n")
    assert recipe_of(file, "builtin", lora=False).learning_rate == 1e-2


def test_gains_of_several_tasks_count_alike() -> None:
    """Task a has 2 items of SD 1 and gains 1 each, task b 4 items of SD 10 and gains 5 each: (1 + 0.5) / 2."""
    from dataselect.recommendation.objective import Objective
    from dataselect.records import TaskResult

    def result(task: str, values: list[float], direction: str = "lower") -> TaskResult:
        ids = tuple(str(place) for place in range(len(values)))
        return TaskResult(task, "nll", direction, ids, np.array(values))  # type: ignore[arg-type]

    base = (result("a", [1.0, 3.0]), result("b", [0.0, 20.0, 0.0, 20.0], "higher"))
    trained = (result("a", [0.0, 2.0]), result("b", [5.0, 25.0, 5.0, 25.0], "higher"))
    assert Objective.of(base).gains(trained).mean() == pytest.approx(0.75)
    one = Objective.of(base[:1])
    assert one.gains(trained[:1]).tolist() == [1.0, 1.0]


def test_a_task_that_no_model_answers_is_said_to_steer_nothing(request_, tmp_path) -> None:
    """By exact match nothing is ever right: no finalist, no negative zero, and what to do instead."""
    items = [
        {"question": f"What is {n} and {n * n % 7} beside the quay?", "answer": f"#### {n}000{n}"} for n in range(8)
    ]
    said: list[str] = []
    document = recommend(
        replace(request_, tasks=(f"exact-match:{write_rows(tmp_path / 'quiz.jsonl', items)}",)), said.append
    ).document
    assert document["finalist"] is None
    assert document["unmoved"] == [{"task": "quiz", "metric": "exact_match_strict", "items": 4, "answered": False}]
    assert "No model, trained or not, answered any of the 4 items of quiz" in document["sentence"]
    assert "Expected on quiz: exact_match_strict stays 0." in document["sentence"]
    assert "warning: the untrained model answers none of 4 steering items of quiz" in said
    shown = (request_.out / "report.html").read_text() + (request_.out / "recommendation.json").read_text()
    assert "−0 " not in shown
    assert "-0.0," not in shown
