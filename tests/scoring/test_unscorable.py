"""A row that the model cannot take says so and leaves its neighbours alone; a model that takes no row ends the run."""

from __future__ import annotations

import json
import shutil

import pyarrow.parquet as pq
import pytest

from dataselect.cli import run


@pytest.fixture(scope="module")
def model(tiny_model, tmp_path_factory):
    """A tokenizer with one more token than the model has embeddings, as after a resize that was forgotten."""
    from transformers import AutoTokenizer

    folder = shutil.copytree(tiny_model, tmp_path_factory.mktemp("extra") / "model")
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.add_tokens(["<extra>"])
    tokenizer.save_pretrained(folder)
    assert tokenizer("<extra>", add_special_tokens=False).input_ids == [8192]
    return str(folder)


def rows(number: int, bad: set[int]) -> list[dict[str, str]]:
    return [
        {
            "id": str(i),
            "prompt": f"Count to {i}.",
            "response": ("<extra> " if i in bad else "") + f"It is {i}. " * (i % 5 + 1),
        }
        for i in range(number)
    ]


def score(tmp_path, name, model, pool, *options):
    path = tmp_path / name / "pool.jsonl"
    path.parent.mkdir(exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in pool))
    arguments = ["score", str(path), "--model", model, "--backend", "transformers", "--no-cache", *options]
    out = tmp_path / name / "out"
    return run([*arguments, "--out", str(out)]), out


def test_rows_beyond_the_vocabulary_are_engine_errors_and_their_neighbours_keep_their_numbers(model, tmp_path, capsys):
    bad = {0, 7, 8, 29}
    code, out = score(tmp_path, "some", model, rows(30, bad), "--ifd", "--tokens")
    assert code == 0
    told = capsys.readouterr().err
    assert "26 ok, 4 engine_error" in told
    assert told.count("cannot be scored: token id 8192 is not among") == 2 * len(bad)  # with and without the prompt
    table = pq.read_table(out / "scores.parquet").to_pylist()
    assert [row["id"] for row in table] == [str(i) for i in range(30)]
    assert {int(row["id"]) for row in table if row["status"] == "engine_error"} == bad
    assert {row["ppl"] for row in table if row["status"] == "engine_error"} == {None}
    manifest = json.loads((out / "manifest.json").read_text())
    assert manifest["counts"]["engine_error"] == 4
    assert "token id 8192" in manifest["notes"][0]

    _, without = score(tmp_path, "without", model, [row for row in rows(30, bad) if int(row["id"]) not in bad], "--ifd")
    expected = {row["id"]: row for row in pq.read_table(without / "scores.parquet").to_pylist()}
    assert len(expected) == 26
    for row in table:
        if row["status"] == "ok":
            for name, value in expected[row["id"]].items():
                assert row[name] == (value if isinstance(value, str | int | None) else pytest.approx(value, rel=1e-6))


@pytest.mark.parametrize("number", [3, 40])
def test_a_model_that_takes_no_row_ends_the_run_with_its_own_words_and_is_asked_again(model, tmp_path, capsys, number):
    for _ in range(2):
        code, out = score(tmp_path, "none", model, rows(number, set(range(number))))
        assert code == 1
        told = capsys.readouterr().err.strip().splitlines()[-1]
        assert told.startswith("dataselect: ")
        assert "token id 8192 is not among" in told
        assert not (out / "manifest.json").exists()
    code, _ = score(tmp_path, "good", "builtin", rows(number, set(range(number))))
    assert code == 0  # the pool is not to blame
