"""An experiment of the toolkit as a table of runs: every selection is a data set, every evaluated model a run.

The untrained model is the baseline. Properties are of the selected examples, from the experiment's own score table:
`ppl` (mean over examples of the mean NLL per token, which is the logarithm of the selection's perplexity),
`bits_per_byte` and `ifd` (means), `response_tokens` (mean; the length that partial correlations are given) and, where
there is a target, `similarity` (mean). Each budget is analysed apart, since more data is a treatment of its own, and
the random controls of a budget apart from its strategies; the full pool is in no analysis. There is one base model,
so only scope "one model" has results, and the unit is the selection: the seeds of one strategy are one
selection, their mean, since they are much alike and not independent; every random draw is one of its own.
Selections of one pool share examples, so intervals over them are too narrow for another pool.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from dataselect.comparison.controls import WITHOUT_BUDGET, is_random
from dataselect.comparison.experiment_folder import ExperimentFolder, resolve_inputs
from dataselect.comparison.pool_table import PoolTable, read_pool_table
from dataselect.comparison.runs import Run, read_run
from dataselect.comparison.selections import SelectionRecord, read_selections
from dataselect.errors import ArtifactError
from dataselect.run_analysis.config import AnalyzeConfig, Columns, Condition, PropertyConfig
from dataselect.run_analysis.run_table import Floats, RunTable, TaskColumn, known_mean

CONFIG = AnalyzeConfig(
    columns=Columns("model", "selection", ("strategy", "budget", "unit", "seed", "training_seed"), "task", "score"),
    baseline={"strategy": "untrained"},
)
"""The configuration of such a table; its properties are those that the experiment has."""

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
    inputs = resolve_inputs([path])
    folder = ExperimentFolder(path)
    runs = [read_run(one) for one in inputs.runs]
    properties = _properties(folder, runs)
    config = replace(
        CONFIG,
        methods=budget_methods(runs),
        properties={name: PropertyConfig() for name in properties},
        control=_LENGTH if _LENGTH in properties else None,
    )
    files = [one / "results.parquet" for one in inputs.runs]
    files += [*sorted(folder.selections.glob("*.jsonl")), *filter(None, [folder.scores])]
    files += [path for path in [folder.similarities] if path.exists()]
    return ExperimentTable(_table(runs, properties), config, tuple(files))


def budget_methods(runs: Sequence[Run]) -> dict[str, Condition]:
    """A method for the strategies of every budget, and one for its random controls: those of several selections.

    Where there is none of several, each that there is: nothing may be analysed across budgets.
    """
    found: dict[str, list[Run]] = {}
    for run in sorted(runs, key=lambda run: (run.budget, run.unit, is_random(run.strategy))):
        if run.strategy not in WITHOUT_BUDGET:
            controls = "random controls, " if is_random(run.strategy) else ""
            found.setdefault(f"{controls}{run.budget:,} {run.unit}", []).append(run)
    several = {name: mine for name, mine in found.items() if len({selection_name(run) for run in mine}) > 1}
    return {
        name: {"budget": mine[0].budget, "unit": mine[0].unit, "strategy": sorted({run.strategy for run in mine})}
        for name, mine in (several or found).items()
    }


def _table(runs: Sequence[Run], properties: dict[str, Floats]) -> RunTable:
    tasks = _tasks(runs)
    scores = np.full((len(tasks), len(runs)), np.nan)
    for place, run in enumerate(runs):
        for result in run.results:
            scores[list(tasks).index((result.task, result.metric)), place] = result.mean
    labels = {
        "model": tuple(_MODEL for _ in runs),
        "selection": tuple(selection_name(run) for run in runs),
        **{name: tuple(str(getattr(run, name)) for run in runs) for name in CONFIG.columns.conditions},
    }
    return RunTable(
        model="model", data="selection", lines=tuple(range(1, len(runs) + 1)), labels=labels,
        tasks=tuple(tasks.values()), scores=scores, properties=properties,
    )  # fmt: skip


def _tasks(runs: Sequence[Run]) -> dict[tuple[str, str], TaskColumn]:
    """Make a column per task and metric; of several metrics of a task, the first counts in the mean over tasks."""
    tasks: dict[tuple[str, str], TaskColumn] = {}
    for run in runs:
        for result in run.results:
            first = result.task not in {task for task, metric in tasks if metric != result.metric}
            name = f"{result.task} ({result.metric})"
            tasks.setdefault((result.task, result.metric), TaskColumn(name, result.direction, overall=first))
    return tasks


def selection_name(run: Run) -> str:
    """The selection that a run counts as: its own for a random draw, else that of all seeds of its strategy."""
    seed = f" seed {run.seed}" if is_random(run.strategy) else ""
    return f"{run.strategy} {run.budget} {run.unit}{seed}"


def _properties(folder: ExperimentFolder, runs: Sequence[Run]) -> dict[str, Floats]:
    if folder.scores is None:
        return {}
    table = read_pool_table(folder.scores, folder.similarities)
    chosen = {(s.strategy, s.budget, s.unit, s.seed): s for s in read_selections(folder.selections)}
    places = table.places()
    rows = [_rows(chosen.get((run.strategy, run.budget, run.unit, run.seed)), places) for run in runs]
    return {name: np.array([known_mean(values[one]) for one in rows]) for name, values in _columns(table).items()}


def _columns(table: PoolTable) -> dict[str, Floats]:
    numbers = table.numbers
    found = {"ppl": np.log(numbers["ppl"])} if "ppl" in numbers else {}
    found |= {name: numbers[name] for name in _MEANS if name in numbers}
    if table.similarity is not None:
        found["similarity"] = table.similarity
    return {name: values for name, values in found.items() if np.isfinite(values).any()}


def _rows(selection: SelectionRecord | None, places: dict[str, int]) -> list[int]:
    return [] if selection is None else [places[one] for one in selection.ids if one in places]
