"""`dataselect tokens` on sidecars whose every number can be counted, and on real ones of the bundled model."""

from __future__ import annotations

import json

import numpy as np
import pytest

from dataselect.cli import run


def view(folder, out, *more):
    assert run(["tokens", str(folder), *map(str, more), "--min-count", "1", "--out", str(out)]) == 0
    return json.loads((out / "tokens.json").read_text())


def test_shares_positions_and_tokens_by_hand(tmp_path, write_sidecar, one_row):
    # response ranks: a = 1 2 9, b = 4 1; prompt and end tokens (rank 50) count for nothing
    rows = [one_row("a", [7, 8, 9], [1, 2, 9]), one_row("b", [9, 7], [4, 1]), {"id": "c"}, one_row("d", [], [])]
    found = view(write_sidecar(tmp_path / "s", rows), tmp_path / "out")
    assert found["rows"] == {
        "compared": 2,
        "without_numbers": 2,
        "only_in_base": 0,
        "only_in_tuned": 0,
        "different_tokens": 0,
    }
    whole = found["whole"]
    assert (whole["tokens"], whole["examples"], whole["last"]) == (5, 2, 3)
    assert [whole["base"][name]["value"] for name in ("unshifted", "marginal", "shifted")] == [2 / 5, 1 / 5, 2 / 5]
    assert whole["tuned"] is whole["change"] is found["transitions"] is None
    spans = [(one["first"], one["last"], one["tokens"], one["base"]["shifted"]["value"]) for one in found["positions"]]
    assert spans == [(1, 1, 2, 0.5), (2, 2, 2, 0.0), (3, 4, 1, 1.0)]
    (often,) = found["tokens"]["most_often"]
    assert (often["token_id"], often["count"], often["shifted"], often["share"], often["of_all"]) == (9, 2, 2, 1.0, 1.0)
    assert often["text"] == "token 9"  # no tokenizer at hand
    assert found["tokens"]["gained"] == found["tokens"]["lost"] == []


def test_two_sidecars_are_aligned_by_id_and_by_token(tmp_path, write_sidecar, one_row, capsys):
    base = [
        one_row("a", [7, 8], [1, 9], [-1.0, -4.0]),
        one_row("b", [7], [2], [-2.0]),
        one_row("x", [7, 7], [1, 1]),
        one_row("only", [7], [1]),
        {"id": "n"},
    ]
    tuned = [
        one_row("x", [7, 8], [1, 1]),
        {"id": "n"},
        one_row("b", [7], [1], [-0.5]),
        one_row("a", [7, 8], [3, 1], [-1.5, -1.0]),
        one_row("more", [1], [1]),
    ]
    one, two = write_sidecar(tmp_path / "one", base, "base"), write_sidecar(tmp_path / "two", tuned, "tuned")
    found = view(one, tmp_path / "out", two)
    assert found["rows"] == {
        "compared": 2,
        "without_numbers": 1,
        "only_in_base": 1,
        "only_in_tuned": 1,
        "different_tokens": 1,
    }
    # rows under the base, columns under the tuned: (1 -> 3), (9 -> 1), (2 -> 1)
    assert found["transitions"]["counts"] == [[0, 1, 0], [1, 0, 0], [1, 0, 0]]
    assert found["whole"]["change"]["value"] == pytest.approx((-0.5 + 3.0 + 1.5) / 3)
    assert found["positions"][0]["change"]["value"] == pytest.approx((-0.5 + 1.5) / 2)
    assert [(t["token_id"], t["change"]) for t in found["tokens"]["gained"]] == [
        (8, pytest.approx(3.0)),
        (7, pytest.approx(0.5)),
    ]
    assert found["tokens"]["lost"] == []
    assert "1 different tokens" in capsys.readouterr().out
    write_sidecar(one, tuned, "tuned", sub="t")
    again = view(one, tmp_path / "again", "--reference", "t")
    assert {**again, "base": ""} == {**found, "base": ""}


@pytest.mark.parametrize(("more", "scorers", "told"), [
    ([], {"tokens": False}, "--tokens"), ([], {"ranks": False}, "--no-ranks"), (["--reference", "t"], {}, "its further models: none"),
])  # fmt: skip
def test_a_folder_that_cannot_answer_says_what_to_do(tmp_path, write_sidecar, one_row, capsys, more, scorers, told):
    folder = write_sidecar(tmp_path / "s", [one_row("a", [7], [1])], **scorers)
    assert run(["tokens", str(folder), *more, "--out", str(tmp_path / "out")]) in (1, 2)
    assert told in capsys.readouterr().err
    assert run(["tokens", str(tmp_path), "--out", str(tmp_path / "out")]) == 1


def test_nothing_in_common_is_an_error_and_so_is_the_same_folder(tmp_path, write_sidecar, one_row, capsys):
    one, two = (write_sidecar(tmp_path / n, [one_row("a", [token], [1])]) for n, token in (("one", 7), ("two", 8)))
    assert run(["tokens", str(one), str(two), "--out", str(tmp_path / "out")]) == 1
    assert "the same tokens" in capsys.readouterr().err
    assert run(["tokens", str(one), str(one), "--out", str(tmp_path / "out")]) == 2


def test_the_order_of_the_rows_does_not_matter(tmp_path, write_sidecar, one_row):
    rng = np.random.default_rng(0)
    rows = [one_row(f"r{n}", rng.integers(0, 9, n + 1).tolist(), rng.integers(1, 9, n + 1).tolist()) for n in range(12)]
    first = view(write_sidecar(tmp_path / "one", rows), tmp_path / "a")
    second = view(write_sidecar(tmp_path / "two", rows[::-1]), tmp_path / "b")
    assert first["tokens"] == second["tokens"]
    for one, other in zip(first["positions"], second["positions"], strict=True):
        assert one["base"]["shifted"]["value"] == other["base"]["shifted"]["value"]


def test_real_sidecars_agree_with_the_score_table(tmp_path):
    import pyarrow.parquet as pq

    words = ["red", "blue", "old"]
    pool = tmp_path / "pool.jsonl"
    lines = [
        {"instruction": f"Say {a} {b}.", "output": f"The {a} {b} hat is {b}. " * (n + 1)}
        for n, a in enumerate(words)
        for b in words
    ]
    pool.write_text("".join(json.dumps(line) + "\n" for line in lines))
    scores = tmp_path / "scores"
    assert run(["score", str(pool), "--model", "builtin", "--tokens", "--out", str(scores)]) == 0
    found = view(scores, tmp_path / "out")
    table = pq.read_table(scores / "scores.parquet").to_pydict()
    tokens = np.array(table["response_tokens"])
    for name in ("shifted", "marginal"):
        expected = (np.array(table[f"{name}_fraction"]) * tokens).sum() / tokens.sum()
        assert found["whole"]["base"][name]["value"] == pytest.approx(expected)
    assert found["token_texts"]
    assert any(one["text"].startswith(("'", '"')) for one in found["tokens"]["most_often"])
    before = (tmp_path / "out" / "tokens.html").read_bytes()
    assert view(scores, tmp_path / "out") == found
    assert (tmp_path / "out" / "tokens.html").read_bytes() == before
