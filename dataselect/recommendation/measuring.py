"""One measurement on disk: rows are trained on, the model is evaluated, and only the outcomes stay.

A measurement is a stage of its own. Its folder is named after the candidate, and after a digest of everything that the
outcome depends on (the rows in their order, the model, the recipe with its seed, the rendering, the items): so another
candidate that chooses the same rows, another run with more time, or a pool that is added, all find what was measured
before. The model is trained and evaluated in the scratch folder and removed with it. A killed measurement is made again
from its beginning; a finished one needs no model any more.

A training that cannot work (it diverges, no row fits) is an outcome too, and recorded. A fault of the machine, such as
a full disk, is not: it ends the run, and the next one measures again.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from dataselect.artifacts import digest, file_digest
from dataselect.comparison.runs import read_results, read_run
from dataselect.errors import DataselectError
from dataselect.evaluation import EvaluateRequest, evaluate
from dataselect.evaluation.results import RESULTS
from dataselect.evaluation.tasks import find_tasks
from dataselect.models import model_digest, resolve_model
from dataselect.records import TaskResult
from dataselect.selection.selection_file import NOTE
from dataselect.stage import FinishedStage, StageDirectory, run_stage
from dataselect.training import TrainConfig, TrainRequest, train


@dataclass(frozen=True, slots=True)
class TrialConditions:
    """What all measurements of a kind share.

    Attributes:
        recipe: Of a training; its seed is replaced.
        rendering: Fields of `RenderOptions`.
        tasks: `--task` values that are evaluated.
        folder: Where the folders of the measurements go.
        run_code: Whether programs that the models write are executed.
    """

    model: str
    recipe: TrainConfig
    rendering: Mapping[str, Any]
    tasks: tuple[str, ...]
    folder: Path
    run_code: bool = False

    def keys(self) -> dict[str, Any]:
        """Everything that an outcome depends on besides the rows and the seed."""
        return {
            "model": model_digest(resolve_model(self.model)), "rendering": dict(self.rendering),
            "tasks": [
                {"name": task.name, "kind": task.kind, "sha256": file_digest(task.file)}
                for task in find_tasks(self.tasks) if task.file is not None
            ],
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class TrialOutcome:
    """What came of one training.

    Attributes:
        results: One per task and metric; none if it failed.
        rows, tokens: Trained on, in one pass.
        failure: Why there are no results; empty if there are.
        seconds: Of the whole measurement.
        training, evaluation: Seconds in the training loop and of the evaluation.
        fresh: Whether it was measured by this call.
    """

    results: tuple[TaskResult, ...]
    rows: int
    tokens: int
    failure: str
    seconds: float
    training: float
    evaluation: float
    model_bytes: int
    fresh: bool


class Trial:
    """A measurement: a selection, a seed, and the conditions."""

    name = "measure"

    def __init__(self, conditions: TrialConditions, file: Path, seed: int, label: str) -> None:
        self._conditions, self._file, self._label = conditions, file, label
        self._recipe = replace(conditions.recipe, seed=seed)
        self._keys = {"rows": rows_digest(file), "recipe": self._recipe.recipe(), **conditions.keys()}

    @property
    def out(self) -> Path:
        """Its folder: that of an earlier measurement of the same, whatever candidate it was for."""
        key = digest(self._keys)[:12]
        folder = self._conditions.folder
        return next(iter(sorted(folder.glob(f"*.{key}"))), folder / f"{self._label}.{key}")

    @property
    def fingerprint(self) -> Mapping[str, Any]:
        """Everything that the outcome depends on."""
        return self._keys

    @property
    def options(self) -> Mapping[str, Any]:
        """What it was made for, for people."""
        return {"selection": self._file.name, "label": self._label}

    def run(self, directory: StageDirectory) -> Mapping[str, Any]:
        """Train, evaluate, keep the outcomes."""
        try:
            return self._measured(directory)
        except DataselectError as error:
            if any(isinstance(cause, OSError | MemoryError) for cause in _causes(error)):
                raise
            return {"stage": self.name, "failure": error.message, "seconds": directory.wall_seconds, "rows": 0,
                    "tokens": 0, "training": 0.0, "evaluation": 0.0, "model_bytes": 0}  # fmt: skip

    def _measured(self, directory: StageDirectory) -> Mapping[str, Any]:
        given, model = self._conditions, directory.scratch / "model"
        trained = train(
            TrainRequest(file=self._file, model=given.model, out=model, config=self._recipe, rendering=given.rendering)
        )
        size = sum(path.stat().st_size for path in model.rglob("*") if path.is_file())
        began = time.perf_counter()
        results = directory.scratch / "results"
        evaluate(
            EvaluateRequest(
                model=str(model), tasks=given.tasks, out=results, rendering=given.rendering, run_code=given.run_code
            )
        )  # fmt: skip
        read_results(results / RESULTS)  # refuses outcomes that are not finite, as of a model that diverged unseen
        with directory.write(RESULTS) as path:
            shutil.copyfile(results / RESULTS, path)
        tokens = tokens_of(self._file)
        return {
            "stage": self.name, "failure": "", "rows": trained.rows, "tokens": tokens,
            "seconds": directory.wall_seconds,
            "training": round(self._recipe.epochs * tokens / trained.tokens_per_second, 3),
            "evaluation": round(time.perf_counter() - began, 3), "model_bytes": size,
        }  # fmt: skip

    def result(self, finished: FinishedStage, fresh: bool) -> TrialOutcome:
        """Read what stayed."""
        found = finished.manifest
        results = () if found["failure"] else read_results(finished.file(RESULTS))
        names = ("rows", "tokens", "failure", "seconds", "training", "evaluation", "model_bytes")
        return TrialOutcome(results, **{name: found[name] for name in names}, fresh=fresh)


def measure_selection(
    conditions: TrialConditions, file: Path, seed: int, label: str, stage: StageDirectory
) -> TrialOutcome:
    """Train on a selection with a seed and evaluate; read what was measured before.

    Args:
        label: Names its folder.
        stage: The run around it, which lists the folder.
    """
    trial = Trial(conditions, file, seed, label)
    stage.inner(trial.out.relative_to(stage.path).as_posix())
    return run_stage(trial, trial.out)


def measure_untrained(conditions: TrialConditions, out: Path, stage: StageDirectory) -> tuple[TaskResult, ...]:
    """Evaluate the model as it is."""
    stage.inner(out.relative_to(stage.path).as_posix())
    request = EvaluateRequest(
        model=conditions.model,
        tasks=conditions.tasks,
        out=out,
        rendering=conditions.rendering,
        run_code=conditions.run_code,
        overwrite="if-different",
    )
    evaluate(request)
    return read_run(out).results


def rows_digest(file: Path) -> str:
    """Digest of the records of a selection in their order, without what the selection says about them."""
    return digest([{**record, NOTE: record[NOTE]["id"]} for record in records_of(file)])


def records_of(file: Path) -> Iterator[dict[str, Any]]:
    """The records of a selection, best first."""
    with file.open(encoding="utf-8", newline="\n") as lines:
        for line in lines:
            yield json.loads(line)


def tokens_of(file: Path) -> int:
    """Tokens of a selection, as its manifest counts them."""
    from dataselect.stage.beside import read_manifest_beside

    return int(read_manifest_beside(file)["counts"]["kept_tokens"] or 0)


def _causes(error: BaseException) -> Iterator[BaseException]:
    at: BaseException | None = error
    while at is not None:
        yield at
        at = at.__cause__ or (None if at.__suppress_context__ else at.__context__)
