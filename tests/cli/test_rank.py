"""`dataselect rank` as typed: what a colleague reads, and faults in one line."""

from __future__ import annotations

import json
import random

import pytest

from dataselect.cli import run

WORDS = ["river", "stone", "light", "paper", "garden", "window", "morning", "letter", "bridge", "winter"]


def records(n, seed, extra=""):
    draw = random.Random(seed)
    return [
        {"instruction": "Write about " + " ".join(draw.choices(WORDS, k=14)), "input": "",
         "output": extra + " ".join(draw.choices(WORDS, k=12)) + "."}
        for _ in range(n)
    ]  # fmt: skip


@pytest.fixture
def pools(tmp_path):
    def written(name, rows):
        path = tmp_path / name
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        return str(path)

    target = records(4, seed=9)
    return {
        "words": written("words.jsonl", records(8, seed=1) + target[:2]),
        "twin": written("twin.jsonl", records(8, seed=1)),
        "noise": written(
            "noise.jsonl", [*records(8, seed=2, extra="zqx " * 20), records(1, seed=3)[0] | {"output": ""}]
        ),
        "target": written("target.jsonl", target),
        "empty": written("empty.jsonl", []),
    }


def command(tmp_path, *arguments):
    return run(["rank", *arguments, "--out", str(tmp_path / "out")])


def test_it_tells_order_doubt_overlap_and_defects(pools, tmp_path, capsys):
    towards = ["--target", pools["target"], "--encoder", "builtin", "--top-k", "2"]
    assert command(tmp_path, pools["noise"], pools["words"], pools["twin"], "--model", "builtin", *towards) == 0
    shown = capsys.readouterr()
    told = " ".join(shown.out.split())
    assert shown.out.isascii()
    assert "2 of 10 rows of words.jsonl. They are listed in overlap.jsonl" in told
    assert "By perplexity under builtin, lowest first:" in told
    assert "Not distinguishable" in told
    assert "twin.jsonl and words.jsonl" in told
    assert "Not scored of noise.jsonl: 1 empty_response." in told
    assert "to target.jsonl, 4 examples, most similar first:" in told
    assert "noise.jsonl, 9 rows: 1 empty_response (11.1 %)" in told
    assert "a correlation over data sets and no promise" in told
    assert max(map(len, shown.out.splitlines())) <= 120
    assert "score 3 pools with builtin" in shown.err
    numbers = json.loads((tmp_path / "out" / "rank.json").read_text())
    assert [pool["pool"] for pool in numbers["pools"]] == ["noise.jsonl", "words.jsonl", "twin.jsonl"]
    assert [pool["removed_for_overlap"] for pool in numbers["pools"]] == [0, 2, 0]
    assert {(order["by"], order["model"]) for order in numbers["orders"]} == {
        ("ppl", "builtin"), ("bits_per_byte", "builtin"), ("rsr", "builtin"), ("similarity", None),
        ("centroid_similarity", None),
    }  # fmt: skip


def test_one_model_under_two_names_is_told_once(pools, tmp_path, capsys, builtin):
    models = ["--model", "builtin", "--model", f"again={builtin}"]
    assert command(tmp_path, pools["noise"], pools["twin"], *models, "--limit", "5") == 0
    told = " ".join(capsys.readouterr().out.split())
    assert "again is the same model as builtin: listed once" in told
    assert "By perplexity under again" not in told
    assert "At most the first 5 records of each pool were read" in told
    assert "target" not in told


def test_one_pool_alone_is_measured(pools, tmp_path, capsys):
    assert command(tmp_path, pools["twin"], "--model", "builtin") == 0
    assert "Not distinguishable" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["{words}"], 2, "--model"),
        (["{words}", "{words}", "--model", "builtin"], 1, "is given twice"),
        (["{words}", "{empty}", "--model", "builtin"], 1, "is empty"),
        (["{words}", "--model", "builtin", "--model", "builtin"], 2, "two models are called builtin"),
        (["{words}", "--model", "nowhere/at/all"], 1, "there is no model folder"),
        (["{words}", "--model", "builtin", "--target", "{words}"], 2, "is also the pool words.jsonl"),
        (["{words}", "--model", "builtin", "--target", "none.jsonl"], 1, "none.jsonl does not exist"),
        (["{words}", "--model", "builtin", "--target", "{target}", "--encoder", "minlm"], 2, "did you mean minilm"),
        (["{words}", "--model", "builtin", "--encoder", "builtin"], 2, "require --target"),
        (["-", "--model", "builtin"], 2, "more than once"),
        (["{words}", "--model", "builtin", "--backend", "server"], 2, "not with a server"),
        (["{words}", "--model", "builtin", "--limit", "0"], 2, "--limit"),
    ],
)
def test_faults_are_one_line_and_leave_nothing(pools, tmp_path, capsys, arguments, code, said):
    assert command(tmp_path, *(argument.format(**pools) for argument in arguments)) == code
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert said in told
    assert not (tmp_path / "out").exists()


def test_tfidf_is_fitted_on_all_pools_together(pools, tmp_path, capsys):
    both = [pools["words"], pools["noise"]]
    assert command(tmp_path, *both, "--model", "builtin", "--target", pools["target"], "--encoder", "tfidf") == 0
    assert "most similar first:" in " ".join(capsys.readouterr().out.split())


def test_an_estimate_tells_scoring_and_embedding_and_writes_nothing(pools, tmp_path, capsys):
    before = sorted(tmp_path.rglob("*"))
    both = [pools["words"], pools["noise"], "--model", "builtin"]
    assert run(["rank", *both, "--target", pools["target"], "--encoder", "builtin", "--estimate"]) == 0
    told = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())
    assert told["rows"] == "19"
    assert told["embedding"].startswith("23 texts, ")
    assert {"model", "tokens", "speed", "memory", "disk", "time"} <= told.keys()
    assert sorted(tmp_path.rglob("*")) == before
    assert run(["rank", *both, "--limit", "3", "--estimate"]) == 0
    told = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())
    assert told["rows"] == "6"
    assert "embedding" not in told
    assert run(["rank", *both]) == 2
    assert "--out" in capsys.readouterr().err
