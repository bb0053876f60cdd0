import json

import numpy as np
import pyarrow.parquet as pq
import pytest

from dataselect.artifacts import read_json
from dataselect.evaluation.results import ItemOutput, group_means, write_outputs, write_results
from dataselect.records import TaskResult
from dataselect.stage import StageDirectory


@pytest.fixture
def stage(tmp_path):
    with StageDirectory("evaluate", tmp_path, {}, {}) as one:
        yield one


def test_rows_and_means(tmp_path, stage):
    results = [
        TaskResult("held", "nll", "lower", ("a", "b"), np.array([1.0, 4.0])),
        TaskResult("quiz", "accuracy", "higher", ("x",), np.array([0.5])),
    ]
    write_results(stage, results)
    assert pq.read_table(tmp_path / "results.parquet").to_pylist() == [
        {"task": "held", "metric": "nll", "direction": "lower", "item_id": "a", "value": 1.0},
        {"task": "held", "metric": "nll", "direction": "lower", "item_id": "b", "value": 4.0},
        {"task": "quiz", "metric": "accuracy", "direction": "higher", "item_id": "x", "value": 0.5},
    ]
    assert read_json(tmp_path / "results.json") == [
        {"task": "held", "metric": "nll", "direction": "lower", "n_items": 2, "mean": 2.5},
        {"task": "quiz", "metric": "accuracy", "direction": "higher", "n_items": 1, "mean": 0.5},
    ]
    first = (tmp_path / "results.parquet").read_bytes()
    write_results(stage, results)
    assert (tmp_path / "results.parquet").read_bytes() == first


def test_groups_are_a_column_where_a_task_has_them(tmp_path, stage):
    results = [
        TaskResult("held", "nll", "lower", ("a",), np.array([1.0])),
        TaskResult("pairs", "accuracy", "higher", ("x", "y", "z"), np.array([1.0, 0.0, 0.5]), ("one", "two", "one")),
    ]
    write_results(stage, results)
    assert pq.read_table(tmp_path / "results.parquet").column("group").to_pylist() == [None, "one", "two", "one"]
    assert group_means(results) == {"one": {"items": 2, "accuracy": 0.75}, "two": {"items": 1, "accuracy": 0.0}}


def test_outputs_are_lines_of_json_that_people_can_read(tmp_path, stage):
    output = ItemOutput("a", "Grüße\n#### 4", True, {"expected": "4"})
    write_outputs(stage, {"held": (), "sums": (output,)})
    text = (tmp_path / "outputs.jsonl").read_text()
    assert "Grüße" in text
    assert [json.loads(line) for line in text.splitlines()] == [
        {"task": "sums", "item_id": "a", "output": "Grüße\n#### 4", "ended": True, "expected": "4"}
    ]


def test_without_outputs_there_is_no_file_of_them(tmp_path, stage):
    write_outputs(stage, {"held": ()})
    assert {path.name for path in tmp_path.iterdir()} == {"run.json", ".lock"}
