"""Small tables of runs, written as a user would write them, and read back."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest

from dataselect.config import build
from dataselect.run_analysis.config import AnalyzeConfig
from dataselect.run_analysis.reading import read_table
from dataselect.run_analysis.result import AnalyzedTable
from dataselect.run_analysis.run import compute


def write_csv(path, rows):
    """Rows as dictionaries with the same keys."""
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


@pytest.fixture
def config():
    """A function that makes a configuration of columns model, data, method and one or more tasks."""

    def make(tasks=("score",), **values):
        columns = {"model": "model", "data": "data", "conditions": values.pop("conditions", [])}
        tasks = tasks if isinstance(tasks, dict) else {name: {} for name in tasks}
        return build(AnalyzeConfig, {"columns": columns, "tasks": tasks, "permutations": 999, **values}, "test")

    return make


@pytest.fixture
def read(tmp_path):
    """A function that writes rows as a CSV and reads them with a configuration."""

    def make(rows, config):
        return read_table(write_csv(tmp_path / "runs.csv", rows), config, tmp_path)

    return make


@pytest.fixture
def analysed(read):
    """A function that analyses rows."""

    def make(rows, config):
        table = read(rows, config)
        return compute(
            table, config, AnalyzedTable("runs.csv", {}, "", len(table), 0, 1, 1, 1, tuple(table.properties))
        )

    return make


@pytest.fixture
def planted():
    """A function that draws runs with score = level of the model + slope * ppl of the data + noise.

    The length is independent of both.
    """

    def make(slope=1.0, noise=0.3, models=6, datasets=10, seed=0):
        rng = np.random.default_rng(seed)
        ppl, length = rng.normal(size=datasets), rng.normal(size=datasets)
        rows = []
        for m in range(models):
            base = 5.0 * rng.normal()
            rows.append({"model": f"m{m}", "data": "none", "score": base - 1, "ppl": "", "length": ""})
            for d in range(datasets):
                score = base + slope * ppl[d] + noise * rng.normal()
                rows.append({"model": f"m{m}", "data": f"d{d}", "score": score, "ppl": ppl[d], "length": length[d]})
        return rows

    return make


@pytest.fixture
def dump(tmp_path):
    """A function that writes a configuration as YAML, which JSON is."""

    def make(values, name="config.yaml"):
        path = tmp_path / name
        path.write_text(json.dumps(values))
        return path

    return make
