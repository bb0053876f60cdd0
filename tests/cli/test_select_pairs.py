"""`score --pairs`, then `select --pairs`: every strategy of pairs from the command line, with budgets and refusals."""

from __future__ import annotations

import json

import pyarrow.parquet as pq
import pytest

from dataselect.cli import run

WORDS = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]
PAIRS = [
    {
        "id": f"p{i:02}", "prompt": f"Count to {i + 1}.", "chosen": " ".join(WORDS[: i + 1]) + ".",
        "rejected": " ".join(WORDS[: (7 * i) % 10 + 1]) + "!", "score_chosen": 5 + (3 * i) % 7, "score_rejected": 4,
    }
    for i in range(10)
]  # fmt: skip
LABELLED = {"id": "k", "prompt": "Count.", "completion": "one", "label": True}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Scored pairs and a labelled reply; the further model is the same, so that every implicit gap is 0."""
    path = tmp_path_factory.mktemp("pairs")
    (path / "pool.jsonl").write_text("".join(json.dumps(pair) + "\n" for pair in [*PAIRS, LABELLED]))
    words = ["--pairs", "--model", "builtin", "--model", "tuned=builtin", "--no-cache", "--out", str(path / "scores")]
    assert run(["score", str(path / "pool.jsonl"), *words]) == 0
    return path


def select(folder, strategy, *words, budget="3", out=None, pairs=True):
    out = out or f"{strategy}.jsonl"
    shared = ["--scores", str(folder / "scores"), "--budget", budget, "--out", str(folder / out), "--overwrite"]
    asked = ["--pairs"] if pairs else []
    return run(["select", str(folder / "pool.jsonl"), "--strategy", strategy, *asked, *shared, *words])


def ids(folder, name):
    return [json.loads(line)["_dataselect"]["id"] for line in (folder / f"{name}.jsonl").read_text().splitlines()]


def test_every_strategy_of_pairs_selects(folder):
    assert select(folder, "pair-margin") == 0
    best = sorted(PAIRS, key=lambda pair: (-pair["score_chosen"], pair["id"]))
    assert ids(folder, "pair-margin") == [pair["id"] for pair in best[:3]]
    assert select(folder, "combined-margin", "--param", "tuned=tuned") == 0
    assert ids(folder, "combined-margin") == ids(folder, "pair-margin")
    assert select(folder, "implicit-gap", "--param", "tuned=tuned") == 0
    assert ids(folder, "implicit-gap") == ["p00", "p01", "p02"]  # gaps of 0 tie, and ties are by id
    table = pq.read_table(folder / "scores" / "scores.parquet").to_pylist()
    rows = {row["id"]: row for row in table if row["rejected_response_tokens"]}
    gap = {id_: abs(row["response_tokens"] - row["rejected_response_tokens"]) for id_, row in rows.items()}
    assert select(folder, "length-gap") == 0
    assert ids(folder, "length-gap") == sorted(gap, key=lambda id_: (gap[id_], id_))[:3]
    assert select(folder, "ppl-low", "--where", "rejected_response_tokens > 0") == 0
    assert ids(folder, "ppl-low") == sorted(rows, key=lambda id_: (rows[id_]["ppl"], id_))[:3]
    assert select(folder, "pair-length-matched-random", "--param", f"match={folder / 'length-gap.jsonl'}") == 0
    assert len(ids(folder, "pair-length-matched-random")) == 3


def test_a_budget_of_tokens_counts_both_replies(folder):
    table = pq.read_table(folder / "scores" / "scores.parquet").to_pylist()
    total = {row["id"]: row["total_tokens"] for row in table}
    part = {row["id"]: row["rejected_total_tokens"] for row in table}
    assert select(folder, "pair-margin", budget="200tok") == 0
    kept = ids(folder, "pair-margin")
    best = [pair["id"] for pair in sorted(PAIRS, key=lambda pair: (-pair["score_chosen"], pair["id"]))]
    assert kept == best[: len(kept)]
    assert sum(total[id_] for id_ in kept) <= 200 < sum(total[id_] for id_ in best[: len(kept) + 1])
    assert all(0 < part[id_] < total[id_] for id_ in kept)


def test_a_labelled_reply_is_explained_as_without_a_margin(folder, capfd):
    assert select(folder, "length-gap") == 0
    assert run(["explain", str(folder / "length-gap.jsonl"), "k"]) == 0
    assert "Not kept: " in capfd.readouterr().out


def test_scores_of_one_reply_are_refused_with_the_command_that_scores_both(folder, capfd):
    assert run(["score", str(folder / "pool.jsonl"), "--model", "builtin", "--out", str(folder / "one")]) == 0
    words = ["--budget", "3", "--out", str(folder / "x.jsonl"), "--scores", str(folder / "one"), "--pairs"]
    for strategy, more, expected in (
        ("length-gap", [], "dataselect score POOL --pairs --model M"),
        ("implicit-gap", ["--param", "tuned=tuned"], "--model NAME=REFERENCE"),
        ("pair-margin", [], "dataselect score POOL --pairs --model M"),
    ):
        capfd.readouterr()
        assert run(["select", str(folder / "pool.jsonl"), "--strategy", strategy, *more, *words]) == 1
        assert expected in capfd.readouterr().err


def test_the_listings_name_what_pairs_have(capsys):
    assert run(["ls", "scorers"]) == 0
    assert any(line.startswith("rating_margin") and "--pairs" in line for line in capsys.readouterr().out.splitlines())
    assert run(["ls", "strategies"]) == 0
    listed = capsys.readouterr().out
    assert sum(" pairs: " in line for line in listed.splitlines()) == 5
