"""The evaluation run: one model and some tasks in, the outcome of every item out.

The model is loaded once for all tasks, and only if something is left to do. Which run of a comparison this is comes
from the model's own training manifest, so that results cannot be filed under another strategy by mistake.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from dataselect import provenance
from dataselect.artifacts import MANIFEST, StageDirectory, file_digest, read_json
from dataselect.backends import choose_backend
from dataselect.backends.dtypes import on_gpu, resolve_dtype
from dataselect.bundled.resolve import model_digest, resolve_model
from dataselect.errors import UsageError
from dataselect.evaluation.harness import check_harness_task
from dataselect.evaluation.kinds import EVALUATORS, EXACT_MATCH, KINDS, LM_EVAL, UNIT_TESTS, Progress, TaskOutcome
from dataselect.evaluation.model import EvaluatedModel
from dataselect.evaluation.request import EvaluateRequest, EvaluateSummary
from dataselect.evaluation.results import MEANS, OUTPUTS, RESULTS, group_means, write_outputs, write_results
from dataselect.evaluation.tasks import Task, find_tasks
from dataselect.evaluation.trained import read_training, resolve_rendering
from dataselect.pool import Renderer
from dataselect.records import TaskResult


def evaluate(request: EvaluateRequest, progress: Progress = lambda task, done, of: None) -> EvaluateSummary:
    """Evaluate a model on tasks, into a stage directory.

    Args:
        progress: Called as items are done.

    Raises:
        UsageError: If a task or an option is not known.
        DataselectError: If model, task or directory cannot be used, or no item of a task can be scored.
    """
    run = _Run(request)
    options = {name: value for name, value in asdict(request).items() if name not in ("overwrite", "out")}
    own = (RESULTS, MEANS, OUTPUTS)
    with StageDirectory(request.out, run.fingerprint, options, own, request.overwrite) as stage:
        fresh = not stage.finished
        if fresh:
            stage.finish(run.work(progress))
        means, manifest = read_json(request.out / MEANS), read_json(request.out / MANIFEST)
        return EvaluateSummary.of_files(request.out, means, manifest, fresh)


class _Run:
    """One evaluation, from its request to its manifest."""

    def __init__(self, request: EvaluateRequest) -> None:
        self._request = request
        self._tasks = find_tasks(request.tasks, request.task_path, request.generation)
        _check(request, self._tasks)
        path = resolve_model(request.model)
        self._training = read_training(path)
        renderer = Renderer(path, resolve_rendering(self._training, request.rendering))
        dtype = resolve_dtype(request.dtype, gpu=on_gpu())
        self._model = EvaluatedModel(path, renderer, choose_backend(request.backend), dtype, request.batch_tokens)
        self.fingerprint = {
            "run": self._training.run,
            "model": model_digest(path),
            "tasks": {task.name: _content(task) for task in self._tasks},
            "rendering": renderer.settings(),
            "backend": self._model.backend_name,
            "dtype": dtype,
        }

    def work(self, progress: Progress) -> dict[str, Any]:
        began = time.perf_counter()
        outcomes = self._outcomes(progress)
        notes = [note for outcome in outcomes.values() for note in outcome.notes]
        write_outputs(self._request.out, {name: outcome.outputs for name, outcome in outcomes.items()})
        write_results(self._request.out, _distinct(outcomes, notes))
        return self._manifest(outcomes, notes, time.perf_counter() - began)

    def _outcomes(self, progress: Progress) -> dict[str, TaskOutcome]:
        """One per task, in the order of the tasks; the harness's come first, so that its model is gone by then."""
        outcomes: dict[str, TaskOutcome] = {}
        for task in sorted(self._tasks, key=lambda task: task.kind != LM_EVAL.name):
            if task.kind != LM_EVAL.name:
                self._model.drop_harness_model()
            outcomes[task.name] = EVALUATORS.load(task.kind)(task, self._model, progress)
        return {task.name: outcomes[task.name] for task in self._tasks}

    def _manifest(self, outcomes: Mapping[str, TaskOutcome], notes: list[str], wall_seconds: float) -> dict[str, Any]:
        model = self._model
        return {
            "stage": "evaluate",
            "run": self._training.run,
            "model": self._request.model,
            "backend": model.backend_name,
            "dtype": model.dtype,
            "rendering": model.renderer.settings(),
            "tasks": {task.name: _described(task, outcomes[task.name]) for task in self._tasks},
            "notes": notes,
            "wall_seconds": round(wall_seconds, 3),
            "tokens_per_second": round(model.tokens / model.busy, 1) if model.busy else None,
            "environment": provenance.environment(),
        }


def _check(request: EvaluateRequest, tasks: Sequence[Task]) -> None:
    """Refuse, before a model is loaded, what cannot or must not be run."""
    for task in tasks:
        if task.kind == LM_EVAL.name:
            check_harness_task(task)
        if task.kind == UNIT_TESTS.name and not request.run_code:
            message = f"the task {task.name} executes programs that the model writes, with the rights of this user"
            raise UsageError(message, "add --run-code, best in a container: it limits accidents and is no sandbox")
    if request.shots and not any(task.kind == EXACT_MATCH.name for task in tasks):
        raise UsageError("--shots is for exact-match tasks, and there is none", "give the task as exact-match:FILE")


def _distinct(outcomes: Mapping[str, TaskOutcome], notes: list[str]) -> list[TaskResult]:
    """All results, each task and metric once: groups of the harness may overlap."""
    found: dict[tuple[str, str], TaskResult] = {}
    for name, outcome in outcomes.items():
        for one in outcome.results:
            if (one.task, one.metric) in found:
                notes.append(f"{one.task} {one.metric} of {name} is there already")
            else:
                found[one.task, one.metric] = one
    return list(found.values())


def _content(task: Task) -> dict[str, Any]:
    """What a task's outcomes depend on besides the model."""
    if task.kind != LM_EVAL.name:
        assert task.file is not None
        return {"kind": task.kind, "sha256": file_digest(task.file), **_writing(task)}
    folder = None if task.folder is None else file_digest(task.folder)
    return {"kind": task.kind, "lm_eval": provenance.versions().get("lm_eval"), "task_path": folder}


def _writing(task: Task) -> dict[str, Any]:
    """How answers are written, in a task in which the model writes them."""
    if not any(kind.generates for kind in KINDS if kind.name == task.kind):
        return {}
    options = task.generation
    few_shot = {} if options.shots_from is None else {"shots_sha256": file_digest(options.shots_from)}
    return {"max_new_tokens": options.max_new_tokens, "shots": options.shots, **few_shot}


def _described(task: Task, outcome: TaskOutcome) -> dict[str, Any]:
    return {
        **_content(task),
        "source": task.name if task.file is None else task.file.name,
        "items": outcome.items,
        "scored": max(len(one.item_ids) for one in outcome.results),
        "left_out": outcome.left_out,
        **({"groups": groups} if (groups := group_means(outcome.results)) else {}),
    }
