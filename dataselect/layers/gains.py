"""The gain of each run, from a table or from evaluated runs.

A CSV has a column `run` and one or more columns of numbers, each an outcome of its own; higher is taken as better. Its
columns `budget` and `strategy`, if it has them, give what each run was trained on, for runs that this toolkit did not
train or of which more is known than it recorded.
Evaluated runs (an experiment folder, or folders of `dataselect evaluate`) are matched to models by the digest of their
content, so that no name can mix them up. Their gain on a task is

    mean of the task's main metric over items, tuned minus base     (base minus tuned where lower is better)

which needs the base model's own evaluation on the same items.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dataselect.artifacts import ordinary_file
from dataselect.comparison.experiment_folder import ExperimentFolder
from dataselect.comparison.runs import Run, read_run
from dataselect.errors import ArtifactError, DataselectError
from dataselect.layers.correlation import TrainedOn
from dataselect.library_errors import refused
from dataselect.records import TaskResult
from dataselect.stage import read_finished

RUN, BUDGET, STRATEGY = "run", "budget", "strategy"


@dataclass(frozen=True, slots=True)
class Gains:
    """One outcome: name of a run -> its gain; runs without one are absent."""

    outcome: str
    by_run: Mapping[str, float]


def read_gains(sources: Sequence[Path], runs: Mapping[str, str], base: str) -> list[Gains]:
    """Read the gains of some runs.

    Args:
        sources: One CSV, or folders of evaluated runs.
        runs: Name of each run -> digest of its model.
        base: Digest of the base model.

    Raises:
        DataselectError: If a source cannot be read, names no run that is compared, or lacks the base's evaluation.
    """
    tables = [source for source in sources if not source.is_dir()]
    if tables and len(sources) > 1:
        raise DataselectError("--gains takes one CSV, or folders of evaluated runs", "put all gains in one table")
    found = _of_table(tables[0]) if tables else _of_folders(sources, runs, base)
    of_runs = [Gains(one.outcome, {run: gain for run, gain in one.by_run.items() if run in runs}) for one in found]
    if not any(one.by_run for one in of_runs):
        named = sorted({run for one in found for run in one.by_run})[:3]
        has = f"has {', '.join(named)}" if named else "has none of these models"
        raise DataselectError(
            f"--gains names no run of {', '.join(list(runs)[:3])}: it {has}",
            "name runs as in the table with NAME=DIR, or evaluate exactly these models",
        )
    return of_runs


def read_trained_on(sources: Sequence[Path]) -> dict[str, TrainedOn]:
    """Read from a CSV of gains what its runs were trained on."""
    rows = [row for source in sources if not source.is_dir() for row in _rows(source)[1]]
    given = {row[RUN]: TrainedOn(row.get(STRATEGY) or None, row.get(BUDGET) or None) for row in rows}
    return {name: one for name, one in given.items() if one != TrainedOn()}


def _of_table(path: Path) -> list[Gains]:
    columns, rows = _rows(path)
    return [
        Gains(outcome, {row[RUN]: gain for row in rows
                        if (gain := _number(path, row[RUN], row[outcome])) is not None})
        for outcome in columns if outcome not in (RUN, BUDGET, STRATEGY)
    ]  # fmt: skip


def _rows(path: Path) -> tuple[list[str], list[dict[str, str]]]:
    """Columns and rows of a CSV of gains."""
    try:
        with ordinary_file(path).open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            columns, rows = list(reader.fieldnames or []), list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise refused(error, f"cannot read {path}") or DataselectError(
            f"{path} cannot be read as CSV: {error}", "give a CSV with the columns run, gain"
        ) from None
    if RUN not in columns or not set(columns) - {RUN, BUDGET, STRATEGY}:
        raise DataselectError(f"{path} has the columns {', '.join(columns) or 'none'}", "it needs run and gain")
    names = [str(row[RUN]) for row in rows]
    repeated = next((name for n, name in enumerate(names) if name in names[:n]), None)
    if repeated is not None:
        raise DataselectError(f"{path} gives the run {repeated} twice", "give each run once")
    return columns, rows


def _number(path: Path, run: str, cell: str | None) -> float | None:
    """A cell as a number; None for an empty one."""
    if cell is None or not cell.strip():
        return None
    try:
        value = float(cell)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise DataselectError(f"{path}: the gain of {run} is {cell!r}, not a number", "leave a missing gain empty")
    return value


def _of_folders(folders: Sequence[Path], runs: Mapping[str, str], base: str) -> list[Gains]:
    evaluated: dict[str, Run] = {}
    for folder in folders:
        for path in ExperimentFolder(folder).runs if (folder / "results").is_dir() else [folder]:
            run = read_run(path)
            evaluated[str(read_finished(path, "evaluate").manifest["fingerprint"]["model"])] = run
    if base not in evaluated:
        raise DataselectError(
            "--gains holds no evaluation of the base model, which the gains are computed against",
            "dataselect evaluate --model BASE on the same tasks, and give that folder too",
        )
    before = _main_results(evaluated[base])
    gains: dict[str, dict[str, float]] = {}
    for name, digest in runs.items():
        if digest in evaluated:
            for key, after in _main_results(evaluated[digest]).items():
                if key in before:
                    gains.setdefault(key, {})[name] = _gain(key, before[key], after)
    return [Gains(key, by_run) for key, by_run in gains.items()]


def _main_results(run: Run) -> dict[str, TaskResult]:
    """The first metric of each task, as in `compare`, by a name for it."""
    found: dict[str, TaskResult] = {}
    for result in run.results:
        found.setdefault(result.task, result)
    return {f"{task} ({result.metric})": result for task, result in found.items()}


def _gain(key: str, before: TaskResult, after: TaskResult) -> float:
    if sorted(before.item_ids) != sorted(after.item_ids):
        raise ArtifactError(f"{key}: the base and a tuned model were not evaluated on the same items", "evaluate again")
    sign = 1.0 if before.direction == "higher" else -1.0
    return sign * float(after.values.mean() - before.values.mean())
