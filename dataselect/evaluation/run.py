"""`evaluate`: one model and some tasks in, the outcome of every item out.

Names, options and every record of the task files are checked before the model is loaded. The model is loaded once for
all tasks, and only if something is left to do. Which run of a comparison this is comes from the model's own training
manifest, so that results cannot be filed under another strategy by mistake.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from dataselect.artifacts import file_digest, read_json
from dataselect.backends import choose_backend
from dataselect.backends.dtypes import on_gpu, resolve_dtype
from dataselect.backends.memory import release_memory
from dataselect.errors import DataselectError, UsageError
from dataselect.evaluation.exact_match import evaluate_exact_match, read_questions, read_shots
from dataselect.evaluation.harness import check_harness_task, evaluate_harness, harness_template
from dataselect.evaluation.held_out import evaluate_held_out
from dataselect.evaluation.items import Progress
from dataselect.evaluation.minimal_pairs import evaluate_minimal_pairs, read_pairs
from dataselect.evaluation.model import EvaluatedModel, read_training, resolve_rendering
from dataselect.evaluation.multiple_choice import evaluate_multiple_choice, read_items
from dataselect.evaluation.request import EvaluateRequest, EvaluateSummary, TaskMean
from dataselect.evaluation.results import MEANS, TaskOutcome, group_means, write_outputs, write_results
from dataselect.evaluation.tasks import (
    EXACT_MATCH,
    HELD_OUT,
    KINDS,
    LM_EVAL,
    MINIMAL_PAIRS,
    MULTIPLE_CHOICE,
    UNIT_TESTS,
    EvaluationTask,
    find_tasks,
)
from dataselect.evaluation.unit_tests import evaluate_unit_tests, read_problems
from dataselect.library_errors import user_errors
from dataselect.models import model_digest, resolve_model
from dataselect.pool import PoolReader, Renderer
from dataselect.progress import measured
from dataselect.records import Example, TaskResult
from dataselect.stage import FinishedStage, StageDirectory, provenance, recorded_options, run_stage
from dataselect.stage.beside import without_places

_EVALUATORS: Mapping[str, Callable[[EvaluationTask, EvaluatedModel, Progress], TaskOutcome]] = {
    HELD_OUT.name: evaluate_held_out,
    MULTIPLE_CHOICE.name: evaluate_multiple_choice,
    MINIMAL_PAIRS.name: evaluate_minimal_pairs,
    EXACT_MATCH.name: evaluate_exact_match,
    UNIT_TESTS.name: evaluate_unit_tests,
    LM_EVAL.name: evaluate_harness,
}
_READERS = {MULTIPLE_CHOICE.name: read_items, MINIMAL_PAIRS.name: read_pairs, UNIT_TESTS.name: read_problems}


@user_errors()
def evaluate(request: EvaluateRequest, progress: Progress = lambda task, done, of: None) -> EvaluateSummary:
    """Evaluate a model on tasks, into a stage directory.

    Args:
        progress: Called as items are done.

    Raises:
        UsageError: If a task or an option is not known.
        DataselectError: If model, task or directory cannot be used, or no item of a task can be scored.
    """
    try:
        return run_stage(Evaluation(request, progress), request.out, request.overwrite)
    finally:
        release_memory()


class Evaluation:
    """`dataselect evaluate`: the model and the tasks of a request."""

    name = "evaluate"

    def __init__(self, request: EvaluateRequest, progress: Progress) -> None:
        self._request, self._progress = request, progress
        self._tasks = find_tasks(request.tasks, request.task_path, request.generation)
        for task in self._tasks:
            check_task(task, request.run_code)
        check_shots(request.shots, self._tasks)
        path = resolve_model(request.model)
        self._training = read_training(path)
        rendering = resolve_rendering(self._training, request.rendering).resumed(request.out, request.overwrite)
        renderer = Renderer(path, rendering)
        dtype = resolve_dtype(request.dtype, gpu=on_gpu())
        self._model = EvaluatedModel(path, renderer, choose_backend(request.backend), dtype, request.batch_tokens)

    @property
    def fingerprint(self) -> Mapping[str, Any]:
        """Everything that the outcomes depend on."""
        return {
            "run": without_places(self._training.run),
            "model": model_digest(self._model.path),
            "tasks": [{"name": task.name, **_content(task)} for task in self._tasks],
            "rendering": self._model.renderer.settings(),
            "backend": self._model.backend_name,
            "dtype": self._model.dtype,
        }

    @property
    def options(self) -> Mapping[str, Any]:
        """All options."""
        return recorded_options(self._request)

    def run(self, directory: StageDirectory) -> Mapping[str, Any]:
        """Write the outcomes, their means, and what the model wrote."""
        model = self._model
        outcomes = self._outcomes()
        notes = [note for outcome in outcomes.values() for note in outcome.notes]
        write_outputs(directory, {name: outcome.outputs for name, outcome in outcomes.items()})
        write_results(directory, _distinct(outcomes, notes))
        return {
            "stage": "evaluate",
            "run": self._training.run,
            "model": self._request.model,
            "backend": model.backend_name,
            "dtype": model.dtype,
            "rendering": model.renderer.settings(),
            "tasks": {task.name: self._described(task, outcomes[task.name]) for task in self._tasks},
            "notes": notes,
            "wall_seconds": directory.wall_seconds,
            "tokens_per_second": round(model.tokens / model.busy, 1) if model.busy else None,
        }

    def result(self, finished: FinishedStage, fresh: bool) -> EvaluateSummary:
        """Read the summary from `results.json` and the manifest."""
        means = tuple(TaskMean(**mean) for mean in read_json(finished.file(MEANS)))
        manifest = finished.manifest
        left_out = {name: task["left_out"] for name, task in manifest["tasks"].items() if task["left_out"]}
        return EvaluateSummary(finished.path, means, left_out, tuple(manifest["notes"]), fresh)

    def _outcomes(self) -> dict[str, TaskOutcome]:
        """One per task, in the order of the tasks; the harness runs first, so that its model is freed first."""
        outcomes: dict[str, TaskOutcome] = {}
        for task in sorted(self._tasks, key=lambda task: task.kind != LM_EVAL.name):
            if task.kind != LM_EVAL.name:
                self._model.drop_harness_model()
            outcomes[task.name] = self._outcome(task)
        return {task.name: outcomes[task.name] for task in self._tasks}

    def _outcome(self, task: EvaluationTask) -> TaskOutcome:
        with measured(f"evaluate {task.name}", "items") as meter:

            def finished(name: str, done: int, of: int) -> None:
                meter.reach(done, of)
                self._progress(name, done, of)

            return _EVALUATORS[task.kind](task, self._model, finished)

    def _described(self, task: EvaluationTask, outcome: TaskOutcome) -> dict[str, Any]:
        template = self._model.renderer.template_name
        return {
            **_content(task),
            "source": task.name if task.file is None else task.file.name,
            "template": harness_template(template) if task.kind == LM_EVAL.name else template,
            "items": outcome.items,
            "scored": max(len(one.item_ids) for one in outcome.results),
            "left_out": outcome.left_out,
            **({"groups": groups} if (groups := group_means(outcome.results)) else {}),
        }


def check_task(task: EvaluationTask, run_code: bool) -> None:
    """Refuse a task that cannot or must not be run, before a model is loaded.

    Args:
        run_code: Whether programs that the model wrote may be executed.

    Raises:
        DataselectError: If the task is not known, its file holds no item or a malformed one, or shots are too few.
        UsageError: If it executes programs and that was not allowed.
    """
    if task.kind == LM_EVAL.name:
        check_harness_task(task)
        return
    if task.kind == UNIT_TESTS.name and not run_code:
        message = f"the task {task.name} executes programs that the model writes, with the rights of this user"
        raise UsageError(message, "add --run-code, best in a container: it limits accidents and is no sandbox")
    assert task.file is not None
    if task.kind in _READERS:
        _READERS[task.kind](task.file)
    elif task.kind == EXACT_MATCH.name:
        read_shots(task.generation, read_questions(task.file))
    elif not any(isinstance(one, Example) for one in PoolReader([str(task.file)])):
        raise DataselectError(f"the task file {task.file} holds no example", "dataselect show prints why")


def check_shots(shots: int, tasks: Sequence[EvaluationTask]) -> None:
    """Refuse shots that no task takes.

    Raises:
        UsageError: If there is no exact-match task.
    """
    if shots and not any(task.kind == EXACT_MATCH.name for task in tasks):
        raise UsageError("--shots requires an exact-match task, and there is none", "give the task as exact-match:FILE")


def _distinct(outcomes: Mapping[str, TaskOutcome], notes: list[str]) -> list[TaskResult]:
    """All results, each task and metric once: groups of the harness may overlap."""
    found: dict[tuple[str, str], TaskResult] = {}
    for name, outcome in outcomes.items():
        for one in outcome.results:
            if (one.task, one.metric) in found:
                notes.append(f"{one.task} {one.metric} of {name} is left out, as another task has it")
            else:
                found[one.task, one.metric] = one
    return list(found.values())


def _content(task: EvaluationTask) -> dict[str, Any]:
    """Everything that a task's outcomes depend on besides the model."""
    if task.kind != LM_EVAL.name:
        assert task.file is not None
        return {"kind": task.kind, "sha256": file_digest(task.file), **_writing(task)}
    folder = None if task.folder is None else file_digest(task.folder)
    return {"kind": task.kind, "lm_eval": provenance.versions().get("lm_eval"), "task_path": folder}


def _writing(task: EvaluationTask) -> dict[str, Any]:
    """The generation options, for a task in which the model writes."""
    if not any(kind.generates for kind in KINDS if kind.name == task.kind):
        return {}
    options = task.generation
    few_shot = {} if options.shots_from is None else {"shots_sha256": file_digest(options.shots_from)}
    return {"max_new_tokens": options.max_new_tokens, "shots": options.shots, **few_shot}
