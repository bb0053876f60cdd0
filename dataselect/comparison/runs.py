"""Evaluated runs as records: reads what `dataselect evaluate` left in a folder, and refuses what is not whole.

A run is one model trained on one selection; its folder holds `results.parquet` (task, metric, direction, item_id,
value) and `manifest.json`, written last, whose `run` names strategy, budget, unit and seed. A folder without a manifest
is unfinished, and comparing it would compare fewer items than the others have: an error that names the folder.

Left out: which runs belong together (`arms`), and any number.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np

from dataselect.artifacts import column_names, read_parquet
from dataselect.comparison.controls import full_name
from dataselect.errors import ArtifactError
from dataselect.records import Direction, TaskResult
from dataselect.stage import MANIFEST, read_finished

RESULTS = "results.parquet"
Seeds = tuple[int, int]
"""Seed of the selection and seed of the training."""

_COLUMNS = ("task", "metric", "direction", "item_id", "value")
_AGAIN = "make it again with dataselect evaluate --overwrite"


@dataclass(frozen=True, slots=True)
class Run:
    """One evaluated model.

    Attributes:
        strategy: Strategy of the selection it was trained on; "untrained" for a model that was not.
        budget: Size of that selection in `unit`; 0 for an untrained model.
        unit: "examples" or "tokens".
        seed: Seed of the selection.
        training_seed: Seed of the training; runs that differ in either are different draws of one strategy.
        nests: Whether larger budgets of its strategy contain this one; None where that was not recorded.
        overlap: Of a length-matched control, the share of its rows that are rows of the selection it follows.
        path: The evaluate folder.
        results: One per task and metric, in the order of the file.
    """

    strategy: str
    budget: int
    unit: str
    seed: int
    training_seed: int
    nests: bool | None
    overlap: float | None
    path: Path
    results: tuple[TaskResult, ...]

    @property
    def seeds(self) -> Seeds:
        """Of selection and training."""
        return self.seed, self.training_seed

    @property
    def label(self) -> str:
        """The run in words, for messages."""
        return f"{self.strategy} at {self.budget} {self.unit}, seed {self.seed} ({self.path})"


def read_run(path: Path) -> Run:
    """Read one evaluate folder.

    Raises:
        ArtifactError: If it is missing, unfinished, or its manifest or results are malformed.
    """
    if not path.is_dir():
        raise ArtifactError(f"{path} is not a folder", "give evaluate folders or one experiment folder")
    stage = read_finished(path, "evaluate")
    run = stage.manifest.get("run")
    if not isinstance(run, dict):
        raise ArtifactError(f"{path / MANIFEST} names no run: expected run: strategy, budget, unit, seed", _AGAIN)
    strategy, budget, unit, seed = (run.get(name) for name in ("strategy", "budget", "unit", "seed"))
    numbers = all(isinstance(n, int) and not isinstance(n, bool) for n in (budget, seed))
    if not (isinstance(strategy, str) and strategy and numbers and unit in ("examples", "tokens")):
        raise ArtifactError(f"{path / MANIFEST} has a malformed run: {run!r}", _AGAIN)
    trained = run.get("training_seed", seed)
    return Run(
        strategy=full_name(run, path.parent.parent / "selections"), budget=cast(int, budget), unit=unit,
        seed=cast(int, seed), training_seed=cast(int, trained), nests=run.get("nests"), overlap=run.get("overlap"),
        path=path, results=read_results(stage.file(RESULTS)),
    )  # fmt: skip


def read_results(path: Path) -> tuple[TaskResult, ...]:
    """Read a results.parquet, one result per task and metric in the order of the file.

    Raises:
        ArtifactError: If it is malformed, or a value is missing or not finite.
    """
    rows = _rows(path)
    parts: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in rows:
        parts.setdefault((row["task"], row["metric"]), []).append(row)
    if not parts:
        raise ArtifactError(f"{path} holds no results", _AGAIN)
    return tuple(_task_result(path, task, metric, part) for (task, metric), part in parts.items())


def _rows(path: Path) -> list[dict[str, Any]]:
    missing = [name for name in _COLUMNS if name not in column_names(path)]
    if missing:
        raise ArtifactError(f"{path} lacks the columns {', '.join(missing)}", _AGAIN)
    rows: list[dict[str, Any]] = read_parquet(path, _COLUMNS).to_pylist()
    return rows


def _task_result(path: Path, task: str, metric: str, rows: list[dict[str, Any]]) -> TaskResult:
    where = f"{path}, task {task}, metric {metric}"
    directions = {row["direction"] for row in rows}
    if len(directions) != 1 or not directions <= {"lower", "higher"}:
        raise ArtifactError(
            f"{where}: expected one direction, lower or higher, got {sorted(map(str, directions))}", _AGAIN
        )
    ids = [str(row["item_id"]) for row in rows]
    if len(set(ids)) != len(ids):
        repeated = next(i for n, i in enumerate(ids) if i in ids[:n])
        raise ArtifactError(f"{where}: item {repeated!r} appears twice", _AGAIN)
    for row in rows:
        if row["value"] is None or not math.isfinite(row["value"]):
            raise ArtifactError(f"{where}: item {row['item_id']!r} has the value {row['value']}", _AGAIN)
    values = np.array([row["value"] for row in rows], dtype=np.float64)
    return TaskResult(task, metric, cast(Direction, directions.pop()), tuple(ids), values)
