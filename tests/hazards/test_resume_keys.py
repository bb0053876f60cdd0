"""P15: results that are taken for those of another model, template or pool, because only a name or a count was kept."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from safetensors.torch import load_file, save_file

from dataselect.errors import ArtifactError
from dataselect.pool import ColumnMap, RenderOptions
from dataselect.scoring import ScoreRequest, score

RECORDS = [{"id": str(n), "question": f"Is {n} even?", "answer": "Yes." if n % 2 == 0 else "No."} for n in range(4)]
QA, ALPACA = RenderOptions(template="qa"), RenderOptions(template="alpaca")


def write(pool: Path, records: list[dict]) -> None:
    pool.write_text("".join(json.dumps(record) + "\n" for record in records))


@pytest.fixture
def place(tmp_path, make_model):
    """A pool, a model of its own, and an output folder."""
    write(tmp_path / "pool.jsonl", RECORDS)
    shutil.copytree(make_model(), tmp_path / "model")
    return tmp_path


def request(place: Path, out: str = "out", **options) -> ScoreRequest:
    settings = {"backend": "transformers", "rendering": QA} | options
    return ScoreRequest((str(place / "pool.jsonl"),), str(place / "model"), place / out, **settings)


def rows(place: Path, out: str) -> list[dict]:
    return pq.read_table(place / out / "scores.parquet").to_pylist()


def change_a_weight(place: Path) -> None:
    file = place / "model" / "model.safetensors"
    weights = load_file(file)
    weights["lm_head.weight"].neg_()
    save_file(weights, file, metadata={"format": "pt"})


def change_the_tokenizer(place: Path) -> None:
    file = place / "model" / "tokenizer.json"
    settings = json.loads(file.read_text())
    vocabulary = settings["model"]["vocab"]
    vocabulary["e"], vocabulary["o"] = vocabulary["o"], vocabulary["e"]
    file.write_text(json.dumps(settings))


def change_an_answer(place: Path) -> None:
    write(place / "pool.jsonl", [*RECORDS[:3], RECORDS[3] | {"answer": "na."}])


def change_the_order(place: Path) -> None:
    write(place / "pool.jsonl", RECORDS[::-1])


CHANGES = {
    "a weight": (change_a_weight, {}, "model"),
    "the tokenizer": (change_the_tokenizer, {}, "tokenizer_sha256"),
    "an answer": (change_an_answer, {}, "sha256"),
    "the order": (change_the_order, {}, "sha256"),
    "the template": (lambda place: None, {"rendering": ALPACA}, "template"),
    "the longest row": (lambda place: None, {"rendering": RenderOptions("qa", max_length=39)}, "max_length"),
    "the dtype": (lambda place: None, {"dtype": "bfloat16"}, "dtype"),
    "the columns": (lambda place: None, {"columns": ColumnMap(prompt="answer", response="question")}, "columns"),
    "the scores": (lambda place: None, {"ifd": True}, "ifd"),
    "the limit": (lambda place: None, {"limit": 3}, "limit"),
}


@pytest.mark.parametrize("what", CHANGES)
def test_P15_a_finished_folder_is_not_taken_for_the_result_of_something_else(place, what):
    change, options, named = CHANGES[what]
    score(request(place))
    size = len((place / "pool.jsonl").read_bytes())
    before = (place / "out" / "scores.parquet").read_bytes()
    change(place)
    # Name of the pool, its size, its number of lines and the name of the model are what they were.
    assert len((place / "pool.jsonl").read_bytes()) == size
    with pytest.raises(ArtifactError, match=named):
        score(request(place, **options))
    assert (place / "out" / "scores.parquet").read_bytes() == before
    score(request(place, "fresh", **options))
    assert rows(place, "fresh") != rows(place, "out")  # and it would have been wrong


@pytest.mark.parametrize("what", CHANGES)
def test_P15_a_run_that_was_stopped_does_not_go_on_with_something_else(place, what):
    change, options, named = CHANGES[what]

    def stop(done: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        score(request(place), stop)
    change(place)
    with pytest.raises(ArtifactError, match=named):
        score(request(place, **options))


@pytest.mark.parametrize("what", CHANGES)
def test_P15_the_score_cache_gives_no_row_of_something_else(place, what, assert_same_rows):
    """The same rows once more into another folder, first with a warm cache and then without any."""
    change, options, _ = CHANGES[what]
    score(request(place))
    change(place)
    score(request(place, "warm", **options))
    score(request(place, "cold", cache=False, **options))
    assert_same_rows(rows(place, "warm"), rows(place, "cold"), rel=1e-6)
    if options.get("limit") is None:
        assert rows(place, "warm") != rows(place, "out")


def test_P15_what_changes_no_number_is_no_other_run(place, tmp_path):
    score(request(place))
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    for name in ("pool.jsonl", "model", "out"):
        shutil.move(place / name, moved / name)
    assert score(request(moved, batch_tokens=50, cache=False)).fresh is False
