"""--limit and --sample-seed as typed: N of each pool in every command, in the summary, and part of what a run is."""

from __future__ import annotations

import json

import pyarrow.parquet as pq
import pytest

from dataselect.cli import run


@pytest.fixture
def pools(tmp_path):
    paths = []
    for name, rows in (("a.jsonl", 9), ("b.jsonl", 3)):
        path = tmp_path / name
        texts = [{"id": f"{name[0]}{i}", "prompt": f"What is {i}?", "response": f"A number, {i}."} for i in range(rows)]
        path.write_text("".join(json.dumps(text) + "\n" for text in texts))
        paths.append(str(path))
    return paths


def ids(folder):
    return pq.read_table(folder / "scores.parquet")["id"].to_pylist()


def test_score_takes_n_of_each_pool_and_says_so(pools, tmp_path, capsys):
    out = tmp_path / "scores"
    assert run(["score", *pools, "--model", "builtin", "--limit", "4", "--out", str(out)]) == 0
    assert "7 ok (rows: a.jsonl 4, b.jsonl 3)" in capsys.readouterr().err
    assert ids(out) == ["a0", "a1", "a2", "a3", "b0", "b1", "b2"]
    manifest = json.loads((out / "manifest.json").read_text())
    assert manifest["sources"] == {"a.jsonl": 4, "b.jsonl": 3}
    assert (manifest["fingerprint"]["limit"], manifest["fingerprint"]["sample_seed"]) == (4, None)
    assert run(["score", *pools, "--model", "builtin", "--limit", "4", "--out", str(out)]) == 0
    assert "is finished already: 7 ok (rows: a.jsonl 4, b.jsonl 3)" in capsys.readouterr().err
    again = ["score", *pools, "--model", "builtin", "--limit", "4", "--sample-seed", "0", "--out", str(out)]
    assert run(again) == 1
    assert "another sample_seed (was null, now 0)" in capsys.readouterr().err
    assert run([*again, "--overwrite"]) == 0
    drawn = ids(out)
    assert len(drawn) == 7
    assert drawn != ["a0", "a1", "a2", "a3", "b0", "b1", "b2"]
    assert drawn == sorted(drawn)  # in the order of the files


def test_the_same_seed_draws_the_same_rows_for_embed_and_select_says_what_came_from_where(pools, tmp_path, capsys):
    part = ["--limit", "4", "--sample-seed", "3"]
    assert run(["score", *pools, "--model", "builtin", *part, "--out", str(tmp_path / "scores")]) == 0
    capsys.readouterr()
    assert run(["embed", *pools, "--encoder", "tfidf", "--dim", "2", *part, "--out", str(tmp_path / "embeddings")]) == 0
    assert "7 of 7 examples embedded (a.jsonl 4, b.jsonl 3) in 2 dimensions" in capsys.readouterr().err
    assert (tmp_path / "embeddings" / "ids.txt").read_text().split() == ids(tmp_path / "scores")
    chosen = [
        "--strategy",
        "random",
        "--scores",
        str(tmp_path / "scores"),
        "--budget",
        "7",
        "--out",
        str(tmp_path / "c.jsonl"),
    ]
    assert run(["select", *pools, *chosen]) == 0
    assert "; from a.jsonl 4 of 9, b.jsonl 3 of 3" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["score", "embed", "rank"])
def test_a_sample_needs_its_size(pools, tmp_path, capsys, command):
    what = ["--encoder", "builtin"] if command == "embed" else ["--model", "builtin"]
    assert run([command, *pools, *what, "--sample-seed", "1", "--out", str(tmp_path / "out")]) == 2
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert "--limit N" in told
    assert not (tmp_path / "out").exists()
