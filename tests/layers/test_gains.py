"""Gains from a table and from evaluated runs, and what is wrong with either."""

from __future__ import annotations

import json
from functools import partial

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest

from dataselect.cli import run
from dataselect.errors import DataselectError
from dataselect.layers.gains import read_gains

RUNS = {"a": "digest-a", "b": "digest-b"}


def table(tmp_path, text):
    path = tmp_path / "gains.csv"
    path.write_text(text, encoding="utf-8")
    return [path]


def test_every_column_is_an_outcome_and_an_empty_cell_is_no_gain(tmp_path):
    found = read_gains(table(tmp_path, "run,maths,code\na,0.5,\nb,-1,2e-1\nother,3,4\n"), RUNS, "base")
    assert {one.outcome: dict(one.by_run) for one in found} == {"maths": {"a": 0.5, "b": -1.0}, "code": {"b": 0.2}}


@pytest.mark.parametrize(("text", "told"), [
    ("name,gain\na,1\n", "it needs run and gain"), ("run\na\n", "it needs run and gain"), ("", "it needs run and gain"),
    ("run,gain\na,1\na,2\n", "a twice"), ("run,gain\na,much\n", "'much', not a number"), ("run,gain\na,nan\n", "not a number"),
    ("run,gain\nx,1\n", "names no run of a, b: it has x"),
])  # fmt: skip
def test_a_faulty_table_is_told(tmp_path, text, told):
    with pytest.raises(DataselectError, match=told):
        read_gains(table(tmp_path, text), RUNS, "base")


@pytest.fixture
def evaluated(seal):
    """A function that writes one evaluate folder."""
    return partial(_evaluated, seal)


def _evaluated(seal, folder, model, values, direction="higher", task="sums"):
    folder.mkdir(parents=True)
    n = len(values)
    columns = {
        "task": [task] * n,
        "metric": ["exact"] * n,
        "direction": [direction] * n,
        "item_id": [str(i) for i in range(n)],
        "value": values,
    }
    pyarrow.parquet.write_table(pyarrow.table(columns), folder / "results.parquet")
    run_of = {"strategy": "s", "budget": 1, "unit": "examples", "seed": 0}
    return seal(folder, "evaluate", {"run": run_of}, {"model": model})


@pytest.mark.parametrize(("direction", "sign"), [("higher", 1), ("lower", -1)])
def test_gains_of_evaluated_runs_are_tuned_minus_base_by_content(tmp_path, evaluated, direction, sign):
    results = tmp_path / "experiment" / "results"
    evaluated(results / "untrained", "base", [0.0, 1.0], direction)
    evaluated(results / "any name", "digest-b", [1.0, 1.0], direction)
    (found,) = read_gains([tmp_path / "experiment"], RUNS, "base")
    assert (found.outcome, dict(found.by_run)) == ("sums (exact)", {"b": sign * 0.5})


def test_evaluated_runs_without_the_base_or_with_other_items_are_refused(tmp_path, evaluated):
    tuned = evaluated(tmp_path / "tuned", "digest-a", [1.0, 1.0])
    with pytest.raises(DataselectError, match="no evaluation of the base"):
        read_gains([tuned], RUNS, "base")
    with pytest.raises(DataselectError, match="same items"):
        read_gains([tuned, evaluated(tmp_path / "base", "base", [1.0])], RUNS, "base")


def test_the_correlation_reaches_file_page_and_terminal_also_over_joined_runs(
    tmp_path, write_model, random_weights, capsys
):
    import torch

    rng = np.random.default_rng(0)
    lines = ["run,accuracy"]
    for depth in (4, 6):
        base = random_weights(depth)
        write_model(tmp_path / f"base-{depth}", base)
        for n in range(6):
            sizes = rng.uniform(0.1, 1, depth)
            draw = torch.Generator().manual_seed(n)
            tuned = {
                name: t
                + 0.01
                * (sizes[int(name.split(".")[2])] if ".layers." in name else 1)
                * torch.randn(t.shape, generator=draw)
                for name, t in base.items()
            }
            write_model(tmp_path / f"d{depth}-{n}", tuned)
            lines.append(f"d{depth}-{n},{sizes[depth // 2]}")
    (tmp_path / "g.csv").write_text("\n".join(lines))
    for depth in (4, 6):
        models = [str(tmp_path / f"d{depth}-{n}") for n in range(6)]
        join = ["--join", str(tmp_path / "out-4")] if depth == 6 else []
        args = ["--gains", str(tmp_path / "g.csv"), "--out", str(tmp_path / f"out-{depth}"), *join]
        assert run(["layers", str(tmp_path / f"base-{depth}"), *models, *args]) == 0
    printed = capsys.readouterr().out
    assert "over 6 runs" in printed
    assert "over 12 runs" in printed
    document = json.loads((tmp_path / "out-6" / "layers.json").read_text())
    (found,) = document["correlations"]
    assert len(found["depths"]) == len(document["map"]["positions"]) == 21
    assert 0.4 <= found["peak"] <= 0.8
    assert document["map"]["layers"] is None
    page = (tmp_path / "out-6" / "layers.html").read_text()
    assert "Correlation with accuracy over 12 runs" in page
    assert "base-6 and base-4" in page
    assert found["bases"] == ["base-6", "base-4"]
    assert "These are runs of base-6 and base-4 together" in page
