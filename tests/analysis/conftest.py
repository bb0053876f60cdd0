"""Makers of the small folders that a comparison reads."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest


@pytest.fixture
def evaluated(tmp_path):
    """A function that writes one evaluate folder and returns its path.

    `tasks` is {(task, metric, direction): {item_id: value}}.
    """

    def make(strategy, seed, tasks, budget=100, unit="examples", name=None, finished=True, params=None) -> Path:
        folder = tmp_path / (name or f"{strategy}-{budget}-{seed}".replace(":", "-"))
        folder.mkdir(parents=True)
        rows = [(*task, item, value) for task, items in tasks.items() for item, value in items.items()]
        columns = dict(
            zip(("task", "metric", "direction", "item_id", "value"), map(list, zip(*rows, strict=True)), strict=True)
        )
        pyarrow.parquet.write_table(pyarrow.table(columns), folder / "results.parquet")
        (folder / "run.json").write_text("{}")
        run = {"strategy": strategy, "budget": budget, "unit": unit, "seed": seed} | (
            {"params": params} if params else {}
        )
        if finished:
            (folder / "manifest.json").write_text(json.dumps({"run": run}))
        return folder

    return make


@pytest.fixture
def selected(tmp_path):
    """A function that writes one selection with its manifest into tmp_path/selections: `records` is [(id, record)]."""

    def make(strategy, records, budget=3, seed=0, params=None, scores=None) -> Path:
        folder = tmp_path / "selections"
        folder.mkdir(exist_ok=True)
        path = folder / f"{strategy}-{(params or {}).get('match', '')[:4]}{budget}-{seed}.jsonl"
        marks = [
            {"id": name, "rank": rank, "strategy": strategy, "score": scores[rank - 1] if scores else None}
            for rank, (name, _) in enumerate(records, start=1)
        ]
        lines = [json.dumps(r | {"_dataselect": m}) for (_, r), m in zip(records, marks, strict=True)]
        path.write_text("".join(line + "\n" for line in lines))
        manifest = {
            "strategy": strategy,
            "params": params or {},
            "budget": budget,
            "unit": "examples",
            "seed": seed,
            "columns": {},
        }
        path.with_suffix(".manifest.json").write_text(json.dumps(manifest))
        return path

    return make
