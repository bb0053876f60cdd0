"""Ranks within source, on rankings that can be written down."""

from __future__ import annotations

import json

import numpy as np
import pytest

from dataselect.cli import run
from dataselect.records import Ranking
from dataselect.selection.within_source import within_sources


def test_each_source_gives_the_same_share_and_its_best_first():
    # a: four rows, all before the two of b; spots of a 1/8 3/8 5/8 7/8, of b 1/4 3/4
    ranking = Ranking(np.array([3, 1, 0, 2, 5, 4]), np.array([1.0, 2.0, 3.0, 4.0, 8.0, 9.0]))
    found = within_sources(ranking, ["a", "a", "a", "a", "b", "b"])
    assert found.order.tolist() == [3, 5, 1, 0, 4, 2]
    assert found.scores.tolist() == [1.0, 8.0, 2.0, 3.0, 9.0, 4.0]


def test_one_source_and_no_row_stay_as_they_are():
    ranking = Ranking(np.array([1, 0]), np.array([1.0, 2.0]))
    assert within_sources(ranking, ["a", "a"]).order.tolist() == [1, 0]
    none = Ranking(np.zeros(0, np.int64), np.zeros(0))
    assert len(within_sources(none, ["a"]).order) == 0


@pytest.fixture
def pools(tmp_path):
    """Two files; the model's own family wrote the second, so that its four rows are the most likely of all."""
    for name, ids in (("others.jsonl", "abcd"), ("own.jsonl", "wxyz")):
        rows = [{"id": id_, "prompt": "Say it.", "response": id_} for id_ in ids]
        (tmp_path / name).write_text("".join(json.dumps(row) + "\n" for row in rows))
    scores = dict(zip("abcdwxyz", (5.0, 6.0, 7.0, 8.0, 1.0, 2.0, 3.0, 4.0), strict=True))
    (tmp_path / "scores.csv").write_text("id,ppl\n" + "".join(f"{k},{v}\n" for k, v in scores.items()))
    return tmp_path


def chosen(folder, *more):
    out = folder / "out.jsonl"
    files = [str(folder / name) for name in ("others.jsonl", "own.jsonl")]
    command = ["select", *files, "--strategy", "ppl-low", "--scores", str(folder / "scores.csv"), "--budget", "4"]
    code = run([*command, "--out", str(out), "--overwrite", *more])
    return code, "".join(json.loads(line)["id"] for line in out.read_text().splitlines()) if not code else ""


def test_select_takes_from_both_files_where_likelihood_alone_takes_one(pools):
    assert chosen(pools) == (0, "wxyz")
    assert chosen(pools, "--within", "source") == (0, "waxb")
    assert json.loads((pools / "out.manifest.json").read_text())["within"] == "source"


def test_a_strategy_that_draws_has_no_ranks_within_sources(pools, capsys):
    assert chosen(pools, "--within", "source", "--strategy", "random")[0] == 2
    assert "--within source needs a strategy that orders rows by one score" in capsys.readouterr().err
