import numpy as np
import pyarrow.parquet as pq

from dataselect.artifacts import read_json
from dataselect.evaluation.results import write_results
from dataselect.records import TaskResult


def test_rows_and_means(tmp_path):
    results = [
        TaskResult("held", "nll", "lower", ("a", "b"), np.array([1.0, 4.0])),
        TaskResult("quiz", "accuracy", "higher", ("x",), np.array([0.5])),
    ]
    write_results(tmp_path, results)
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
    write_results(tmp_path, results)
    assert (tmp_path / "results.parquet").read_bytes() == first
