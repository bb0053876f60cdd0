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
    assert "score noise.jsonl with builtin" in shown.err
    numbers = json.loads((tmp_path / "out" / "rank.json").read_text())
    assert [pool["pool"] for pool in numbers["pools"]] == ["noise.jsonl", "words.jsonl", "twin.jsonl"]
    assert [pool["removed_for_overlap"] for pool in numbers["pools"]] == [0, 2, 0]
    assert {(order["by"], order["model"]) for order in numbers["orders"]} == {
        ("ppl", "builtin"), ("bits_per_byte", "builtin"), ("similarity", None), ("centroid_similarity", None),
    }  # fmt: skip


def test_one_model_under_two_names_is_told_once(pools, tmp_path, capsys, builtin):
    models = ["--model", "builtin", "--model", f"again={builtin}"]
    assert command(tmp_path, pools["noise"], pools["twin"], *models, "--limit", "5") == 0
    told = " ".join(capsys.readouterr().out.split())
    assert "again is the same model as builtin: told once" in told
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
        (["{words}", "--model", "builtin", "--encoder", "builtin"], 2, "need --target"),
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


def test_tfidf_has_to_be_fitted_on_all_pools_before_they_are_ranked_by_it(pools, tmp_path, capsys):
    both = [pools["words"], pools["noise"]]
    towards = ["--model", "builtin", "--target", pools["target"], "--encoder"]
    assert command(tmp_path, *both, *towards, "tfidf") == 2
    last = capsys.readouterr().err.strip().splitlines()[-1]
    assert "is fitted by each embedding run, so that vectors of several runs cannot be compared" in last
    assert "dataselect embed POOL... --encoder tfidf --out DIR" in last
    assert not (tmp_path / "out").exists()
    assert run(["embed", *both, "--encoder", "tfidf", "--prefix-ids", "--out", str(tmp_path / "space")]) == 0
    assert command(tmp_path, *both, *towards, str(tmp_path / "space")) == 0
    assert "most similar first:" in " ".join(capsys.readouterr().out.split())
