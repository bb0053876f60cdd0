"""Comparing folders: from evaluate folders to rows, resumed, refused."""

from __future__ import annotations

import json

import pytest

from dataselect.errors import ArtifactError
from dataselect.reports import compare


def tasks(level):
    return {("task", "loss", "lower"): {f"i{n}": level + 0.01 * n for n in range(20)}}


def test_rows_of_evaluate_folders(evaluated, tmp_path):
    runs = [evaluated("random", seed, tasks(1.0 + 0.01 * seed)) for seed in range(3)] + [
        evaluated("good", seed, tasks(0.5)) for seed in range(3)
    ]
    found = compare(runs, tmp_path / "out")
    (row,) = [r for r in found.rows if r.strategy == "good"]
    assert (row.n_items, row.n_seeds, row.direction, row.verdict) == (20, 3, "lower", "better")
    assert row.estimate == pytest.approx(0.5 + 0.01 * 9.5)
    assert row.diff_to_random == pytest.approx(0.5 - 1.01)
    assert found.tested == 1
    document = json.loads((tmp_path / "out" / "comparison.json").read_text())
    assert document["main_metrics"] == {"task": "loss"}
    assert "pool" not in document
    assert (tmp_path / "out" / "manifest.json").exists()


def test_order_of_folders_does_not_matter(evaluated, tmp_path):
    runs = [evaluated("random", 0, tasks(1.0)), evaluated("random", 1, tasks(1.1)), evaluated("a", 0, tasks(0.7))]
    compare(runs, tmp_path / "one")
    compare(runs[::-1], tmp_path / "two")
    assert (tmp_path / "one" / "comparison.json").read_bytes() == (tmp_path / "two" / "comparison.json").read_bytes()


def test_the_same_again_writes_nothing_and_other_runs_are_refused(evaluated, tmp_path):
    runs = [evaluated("random", 0, tasks(1.0)), evaluated("a", 0, tasks(0.7))]
    compare(runs, tmp_path / "out")
    before = (tmp_path / "out" / "comparison.json").stat().st_mtime_ns
    compare(runs, tmp_path / "out")
    assert (tmp_path / "out" / "comparison.json").stat().st_mtime_ns == before
    more = [*runs, evaluated("b", 0, tasks(0.9))]
    with pytest.raises(ArtifactError, match="another files"):
        compare(more, tmp_path / "out")
    assert len(compare(more, tmp_path / "out", overwrite=True).rows) == 3


def test_nothing_to_compare(tmp_path):
    (tmp_path / "experiment" / "results").mkdir(parents=True)
    with pytest.raises(ArtifactError, match=r"no evaluated run in .*experiment"):
        compare([tmp_path / "experiment"], tmp_path / "out")
    (tmp_path / "other" / "results").mkdir(parents=True)
    with pytest.raises(ArtifactError, match="expected one experiment at most, got 2"):
        compare([tmp_path / "experiment", tmp_path / "other"], tmp_path / "out")
    assert not (tmp_path / "out").exists()
