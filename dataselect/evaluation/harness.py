"""Tasks of lm-evaluation-harness by name, with the outcome of each item kept.

The harness runs the model by itself, with transformers, and builds the prompts as its task files define them. With the
template `chat` it applies the tokenizer's chat template; it does not know our other templates, so with them prompts
follow the task file, and a note and the manifest say so. Only metrics that are the mean of their items are kept, which
is checked against the harness's own number: corpus metrics such as BLEU cannot be compared item by item, and are named
in the notes. A group gives one task per member.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from dataselect.errors import DataselectError, UsageError
from dataselect.evaluation.items import Progress
from dataselect.evaluation.model import EvaluatedModel
from dataselect.evaluation.results import TaskOutcome
from dataselect.evaluation.tasks import EvaluationTask
from dataselect.pool.sandbox import limited_chat_templates
from dataselect.records import Direction, TaskResult
from dataselect.registry import require

_SEED = 1234
"""The harness's own default; it draws few-shot examples with it."""


def check_harness_task(task: EvaluationTask) -> None:
    """Refuse a name that is neither a task, a group nor a tag of the harness.

    Raises:
        MissingExtraError: If lm-evaluation-harness is not installed.
        UsageError: With near matches, or if there is no folder `task.folder`.
    """
    if task.folder is not None and not task.folder.is_dir():
        raise UsageError(f"--task-path {task.folder} is not a folder", "give the folder that holds the task YAML files")
    manager = _manager(task)
    if task.name not in manager.task_index:
        near = difflib.get_close_matches(task.name, manager.all_tasks, n=3, cutoff=0.6)
        hint = f"did you mean {' or '.join(near)}?" if near else "lm-eval ls tasks prints them all"
        raise UsageError(f"the task {task.name!r} is neither a file nor in lm-evaluation-harness", hint)


def _manager(task: EvaluationTask) -> Any:  # noqa: ANN401 - lm_eval's TaskManager
    """The index that holds a task: that of the user's folder if it is a task there, since the whole takes seconds."""
    own = None if task.folder is None else _index(task.folder, False)
    return own if own is not None and task.name in own.all_subtasks else _index(task.folder, True)


@lru_cache(maxsize=2)
def _index(folder: Path | None, defaults: bool) -> Any:  # noqa: ANN401
    tasks = require("lm_eval.tasks", "eval")
    return tasks.TaskManager(include_path=None if folder is None else str(folder), include_defaults=defaults)


def evaluate_harness(task: EvaluationTask, model: EvaluatedModel, progress: Progress) -> TaskOutcome:
    """Evaluate one task, group or tag of the harness.

    Raises:
        DataselectError: If its data or a package it needs is missing, or no metric has outcomes per item.
    """
    found = _run(task, model)
    results: list[TaskResult] = []
    notes: list[str] = []
    for name, samples in found["samples"].items():
        directions = found["higher_is_better"].get(name, {})
        for metric, one in _metrics(name, samples, directions, found["results"][name]):
            if isinstance(one, str):
                notes.append(f"{name}: {metric} is left out, {one}")
            else:
                results.append(one)
    if not results:
        raise DataselectError(f"the task {task.name} has no outcomes per item: {'; '.join(notes)}", "use another task")
    items = sum(len({sample["doc_id"] for sample in samples}) for samples in found["samples"].values())
    progress(task.name, items, items)
    return TaskOutcome(tuple(results), items, {}, (*_template_note(task, model), *notes))


def harness_template(template: str) -> str | None:
    """Return the template that the harness applies for one of ours; None where it applies none."""
    return template if template == "chat" else None


def _template_note(task: EvaluationTask, model: EvaluatedModel) -> Iterator[str]:
    template = model.renderer.template_name
    if harness_template(template) is None and template != "text":
        yield f"{task.name}: prompts follow the harness's task file, without the template {template}"


def _run(task: EvaluationTask, model: EvaluatedModel) -> Mapping[str, Any]:
    import lm_eval
    from datasets.exceptions import DatasetsError

    harness_model = model.harness_model()
    try:
        with limited_chat_templates(model.renderer.template_name, model.renderer.date):
            found: Mapping[str, Any] = lm_eval.simple_evaluate(
                model=harness_model,
                tasks=[task.name],
                task_manager=_manager(task),
                apply_chat_template=harness_template(model.renderer.template_name) is not None,
                log_samples=True,
                bootstrap_iters=0,
                fewshot_random_seed=_SEED,
            )
    except DataselectError:
        raise
    except (OSError, DatasetsError) as error:
        message = f"the data of the lm-eval task {task.name} cannot be loaded: {_one_line(error)}"
        raise DataselectError(message, "check the connection, or the data_files of your task file") from error
    except ModuleNotFoundError as error:
        message = f"the lm-eval task {task.name} needs the package {error.name}"
        raise DataselectError(message, f"pip install {error.name}") from error
    except Exception as error:  # a task file holds code and templates of its own: they may raise anything
        message = f"the lm-eval task {task.name} failed with {type(error).__name__}: {_one_line(error)}"
        raise DataselectError(message, "check its task file") from error
    return found


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]


def _metrics(
    name: str, samples: Sequence[Mapping[str, Any]], directions: Mapping[str, bool | None], totals: Mapping[str, Any]
) -> Iterator[tuple[str, TaskResult | str]]:
    """Each metric of one task, once per filter, with its result or the reason that it has none."""
    seen = dict.fromkeys((metric, sample["filter"]) for sample in samples for metric in sample["metrics"])
    for metric, chosen in seen:
        label = metric if chosen == "none" else f"{metric},{chosen}"
        of_filter = [sample for sample in samples if sample["filter"] == chosen]
        values = [sample.get(metric) for sample in of_filter]
        higher = directions.get(metric)
        if higher is None:
            yield label, "as the task does not define whether higher is better"
        elif not _is_mean(values, totals.get(f"{metric},{chosen}")):
            yield label, "as it is not the mean of its items"
        else:
            ids = tuple(str(sample["doc_id"]) for sample in of_filter)
            direction: Direction = "higher" if higher else "lower"
            yield label, TaskResult(name, label, direction, ids, np.array(values, np.float64))


def _is_mean(values: Sequence[Any], total: object) -> bool:
    if not isinstance(total, int | float) or not all(isinstance(value, int | float | np.number) for value in values):
        return False
    mean = math.fsum(float(value) for value in values) / len(values)
    return math.isclose(mean, total, rel_tol=1e-6, abs_tol=1e-9)
