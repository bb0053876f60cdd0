"""`dataselect compare` as a user meets it."""

from __future__ import annotations

import json
from functools import partial

import pyarrow
import pyarrow.parquet
import pytest

from dataselect.cli import run


@pytest.fixture
def evaluated(seal):
    """A function that writes one evaluate folder."""
    return partial(_evaluated, seal)


def _evaluated(seal, folder, strategy, seed, level):
    folder.mkdir(parents=True)
    n = 30
    columns = {
        "task": ["sums"] * n, "metric": ["accuracy"] * n, "direction": ["higher"] * n,
        "item_id": [f"i{i}" for i in range(n)], "value": [level + 0.01 * ((i * 7 + seed * 3) % 11) for i in range(n)],
    }  # fmt: skip
    pyarrow.parquet.write_table(pyarrow.table(columns), folder / "results.parquet")
    manifest = {"run": {"strategy": strategy, "budget": 100, "unit": "examples", "seed": seed}}
    return str(seal(folder, "evaluate", manifest))


def test_verdicts_on_stdout_and_numbers_in_the_folder(tmp_path, capsys, evaluated):
    folders = [evaluated(tmp_path / f"random-{s}", "random", s, 0.4) for s in range(3)]
    folders += [evaluated(tmp_path / f"good-{s}", "ppl-mid", s, 0.8) for s in range(3)]
    assert run(["compare", *folders, "--out", str(tmp_path / "out")]) == 0
    told = capsys.readouterr().out
    assert told.startswith("sums (accuracy): ppl-mid: better than random at 100 examples, +0.4")
    assert told.isascii()
    assert told.count("\n") == 1
    assert len(json.loads((tmp_path / "out" / "comparison.json").read_text())["rows"]) == 2


def test_a_fault_is_one_line(tmp_path, capsys, evaluated):
    folder = evaluated(tmp_path / "a", "random", 0, 0.4)
    assert run(["compare", folder, folder, "--out", str(tmp_path / "out")]) == 1
    told = capsys.readouterr().err
    assert "the same run is given twice" in told
    assert told.count("\n") == 1
    assert run(["compare", str(tmp_path / "none"), "--out", str(tmp_path / "out")]) == 1
    assert run(["compare", "--out", str(tmp_path / "out")]) == 2
