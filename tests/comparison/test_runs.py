"""Reading evaluate folders: what is whole is read, what is not is named."""

from __future__ import annotations

import pyarrow
import pyarrow.parquet
import pytest

from dataselect.comparison.runs import read_run
from dataselect.errors import ArtifactError

TASK = {("task", "accuracy", "higher"): {"a": 1.0, "b": 0.0}, ("task", "loss", "lower"): {"a": 0.5, "b": 2.5}}
RUN = {"run": {"strategy": "a", "budget": 100, "unit": "examples", "seed": 0}}


def test_a_run_is_read(evaluated):
    run = read_run(evaluated("ppl-low", 4, TASK, budget=50, unit="tokens"))
    assert (run.strategy, run.budget, run.unit, run.seed) == ("ppl-low", 50, "tokens", 4)
    assert [(r.metric, r.direction, r.item_ids, r.mean) for r in run.results] == [
        ("accuracy", "higher", ("a", "b"), 0.5), ("loss", "lower", ("a", "b"), 1.5),
    ]  # fmt: skip


def test_a_length_matched_run_is_named_by_what_it_matched(evaluated):
    run = read_run(evaluated("length-matched-random", 0, TASK, params={"match": "ppl-low"}))
    assert run.strategy == "length-matched-random:ppl-low"


def test_unfinished_and_missing_folders_are_named(evaluated, tmp_path):
    unfinished = evaluated("a", 0, TASK, finished=False)
    with pytest.raises(ArtifactError, match=r"a-100-0 is not finished.*dataselect evaluate"):
        read_run(unfinished)
    with pytest.raises(ArtifactError, match="nowhere is not a folder"):
        read_run(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ArtifactError, match="empty is not a folder of dataselect evaluate"):
        read_run(tmp_path / "empty")


@pytest.mark.parametrize(
    "run", [None, [], {"strategy": "a"}, {"strategy": "", "budget": 1, "unit": "examples", "seed": 0},
            {"strategy": "a", "budget": "1", "unit": "examples", "seed": 0}, {"strategy": "a", "budget": 1, "unit": "pages", "seed": 0}],
)  # fmt: skip
def test_a_malformed_manifest_is_named(evaluated, seal, run):
    folder = seal(evaluated("a", 0, TASK), "evaluate", {"run": run})
    with pytest.raises(ArtifactError, match=r"manifest.json (names no|has a malformed) run"):
        read_run(folder)


@pytest.mark.parametrize(
    ("column", "values", "told"),
    [
        ("value", [1.0, None], "item 'b' has the value None"),
        ("value", [1.0, float("nan")], "item 'b' has the value nan"),
        ("item_id", ["a", "a"], "item 'a' appears twice"),
        ("direction", ["higher", "lower"], "expected one direction"),
        ("direction", ["up", "up"], "expected one direction"),
    ],
)
def test_results_that_are_not_results(evaluated, seal, column, values, told):
    folder = evaluated("a", 0, {("task", "accuracy", "higher"): {"a": 1.0, "b": 0.0}})
    table = pyarrow.parquet.read_table(folder / "results.parquet").to_pydict() | {column: values}
    pyarrow.parquet.write_table(pyarrow.table(table), folder / "results.parquet")
    seal(folder, "evaluate", RUN)
    with pytest.raises(ArtifactError, match=told):
        read_run(folder)


def test_damaged_parquet_is_named(evaluated, seal):
    folder = evaluated("a", 0, TASK)
    (folder / "results.parquet").write_bytes(b"PAR1 nothing PAR1")
    with pytest.raises(ArtifactError, match=r"results.parquet is damaged: it has 17 bytes"):
        read_run(folder)
    seal(folder, "evaluate", RUN)
    with pytest.raises(ArtifactError, match=r"results.parquet cannot be read"):
        read_run(folder)
    pyarrow.parquet.write_table(pyarrow.table({"task": ["t"]}), folder / "results.parquet")
    seal(folder, "evaluate", RUN)
    with pytest.raises(ArtifactError, match="lacks the columns metric, direction, item_id, value"):
        read_run(folder)
