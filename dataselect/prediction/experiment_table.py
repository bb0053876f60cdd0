"""An experiment of the toolkit as a table of runs: every selection is a data set, every evaluated model a run.

The untrained model is the baseline. Properties are of the selected examples, from the experiment's own score table:
`ppl` (mean over examples of the mean NLL per token, which is the logarithm of the selection's perplexity),
`bits_per_byte` and `ifd` (means), `response_tokens` (mean; the length that partial correlations are given) and, where
there is a target, `similarity` (mean). Each budget is analysed apart, since more data is a treatment of its own; the
full pool has a budget that no other selection has. There is one base model, so only scope "one model" has anything to
say, and the unit is the selection: selections of one pool share examples, and the seeds of one strategy are much alike,
so intervals over them are too narrow for another pool.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from dataselect.analysis.experiment_folder import ExperimentFolder, resolve
from dataselect.analysis.pool_table import PoolTable, read_pool_table
from dataselect.analysis.runs import Run, read_run
from dataselect.analysis.selections import Selection, read_selections
from dataselect.errors import ArtifactError
from dataselect.prediction.config import AnalyzeConfig, Columns, Condition, PropertyConfig
from dataselect.prediction.table import Floats, RunTable, Task

CONFIG = AnalyzeConfig(
    columns=Columns("model", "selection", ("strategy", "budget", "unit", "seed", "training_seed"), "task", "score"),
    baseline={"strategy": "untrained"},
)
"""What the columns of such a table mean; its properties are those that the experiment has."""

_MEANS = ("bits_per_byte", "ifd", "response_tokens")
_LENGTH = "response_tokens"
_MODEL = "base model"


@dataclass(frozen=True, slots=True)
class ExperimentTable:
    """The runs, and the configuration that says what they are."""

    table: RunTable
    config: AnalyzeConfig
    files: tuple[Path, ...]


def read_experiment(path: Path) -> ExperimentTable:
    """Read the runs of an experiment folder.

    Raises:
        ArtifactError: If it is no experiment, has no run, or a part of it is unfinished or malformed.
    """
    if not (path / "results").is_dir():
        raise ArtifactError(f"{path} is no experiment: it has no results/", "give a CSV, or a folder of dataselect run")
    inputs = resolve([path])
    folder = ExperimentFolder(path)
    runs = [read_run(one) for one in inputs.runs]
    properties = _properties(folder, runs)
    config = replace(
        CONFIG,
        methods=_budgets(runs),
        properties={name: PropertyConfig() for name in properties},
        control=_LENGTH if _LENGTH in properties else None,
    )
    files = [one / "results.parquet" for one in inputs.runs]
    files += [*sorted(folder.selections.glob("*.jsonl")), *filter(None, [folder.scores])]
    return ExperimentTable(_table(runs, properties), config, tuple(files))


def _budgets(runs: Sequence[Run]) -> dict[str, Condition]:
    """A method for every budget at which there are several selections."""
    trained = [(run.budget, run.unit) for run in runs if run.budget]
    several = [one for one in dict.fromkeys(sorted(trained)) if trained.count(one) > 1]
    return {f"{budget:,} {unit}": {"budget": budget, "unit": unit} for budget, unit in several}


def _table(runs: Sequence[Run], properties: dict[str, Floats]) -> RunTable:
    tasks = _tasks(runs)
    scores = np.full((len(tasks), len(runs)), np.nan)
    for place, run in enumerate(runs):
        for result in run.results:
            scores[list(tasks).index((result.task, result.metric)), place] = result.mean
    labels = {
        "model": tuple(_MODEL for _ in runs),
        "selection": tuple(_name(run) for run in runs),
        **{name: tuple(str(getattr(run, name)) for run in runs) for name in CONFIG.columns.conditions},
    }
    places = tuple(range(1, len(runs) + 1))
    return RunTable("model", "selection", places, labels, tuple(tasks.values()), scores, properties)


def _tasks(runs: Sequence[Run]) -> dict[tuple[str, str], Task]:
    """Of several metrics of a task, the first counts in the mean over tasks."""
    tasks: dict[tuple[str, str], Task] = {}
    for run in runs:
        for result in run.results:
            first = result.task not in {task for task, metric in tasks if metric != result.metric}
            name = f"{result.task} ({result.metric})"
            tasks.setdefault((result.task, result.metric), Task(name, result.direction, overall=first))
    return tasks


def _name(run: Run) -> str:
    return f"{run.strategy} {run.budget} {run.unit} seed {run.seed}"


def _properties(folder: ExperimentFolder, runs: Sequence[Run]) -> dict[str, Floats]:
    if folder.scores is None:
        return {}
    table = read_pool_table(folder.scores, folder.similarities)
    chosen = {(s.strategy, s.budget, s.unit, s.seed): s for s in read_selections(folder.selections)}
    places = table.places()
    rows = [_rows(chosen.get((run.strategy, run.budget, run.unit, run.seed)), places) for run in runs]
    return {name: np.array([_mean(values[one]) for one in rows]) for name, values in _columns(table).items()}


def _columns(table: PoolTable) -> dict[str, Floats]:
    numbers = table.numbers
    found = {"ppl": np.log(numbers["ppl"])} if "ppl" in numbers else {}
    found |= {name: numbers[name] for name in _MEANS if name in numbers}
    if table.similarity is not None:
        found["similarity"] = table.similarity
    return {name: values for name, values in found.items() if np.isfinite(values).any()}


def _rows(selection: Selection | None, places: dict[str, int]) -> list[int]:
    return [] if selection is None else [places[one] for one in selection.ids if one in places]


def _mean(values: Floats) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else float("nan")
