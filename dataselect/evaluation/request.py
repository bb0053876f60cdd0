"""What an evaluation is asked for and what it answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dataselect.evaluation.generation import GenerationOptions
from dataselect.records import Direction


@dataclass(frozen=True, slots=True)
class EvaluateRequest:
    """Which model, which tasks, and where to.

    Attributes:
        model: `builtin`, a model folder or a hub id.
        tasks: Files as `[NAME=][KIND:]FILE`, or names of lm-evaluation-harness tasks.
        out: The stage directory.
        rendering: Those fields of `RenderOptions` that were given. Template, BOS and think default to those that the
            model was trained with, if this toolkit trained it.
        batch_tokens: Most tokens computed at once; None for the backend's default.
        task_path: Folder of lm-evaluation-harness task files of the user.
        max_new_tokens: Most tokens of an answer, in tasks in which the model writes one.
        shots: Solved questions before each item of exact-match tasks.
        shots_from: File that they are drawn from.
        run_code: Whether programs that the model wrote may be executed; tasks with unit tests need it.
        overwrite: Remove this stage's own files first.
    """

    model: str
    tasks: tuple[str, ...]
    out: Path
    backend: str = "auto"
    dtype: str = "auto"
    rendering: Mapping[str, Any] = field(default_factory=dict)
    batch_tokens: int | None = None
    task_path: Path | None = None
    max_new_tokens: int = 512
    shots: int = 0
    shots_from: Path | None = None
    run_code: bool = False
    overwrite: bool = False

    @property
    def generation(self) -> GenerationOptions:
        """How answers are written."""
        return GenerationOptions(self.max_new_tokens, self.shots, self.shots_from)


@dataclass(frozen=True, slots=True)
class TaskMean:
    """One line of results.json: the mean of one metric of one task."""

    task: str
    metric: str
    direction: Direction
    n_items: int
    mean: float


@dataclass(frozen=True, slots=True)
class EvaluateSummary:
    """What an evaluation ended with.

    Attributes:
        means: One per task and metric, in the order of the tasks.
        left_out: Per task, the number of items per reason that have no outcome.
        notes: What a reader of the numbers should know.
        fresh: False if the directory was finished already and nothing was done.
    """

    out: Path
    means: tuple[TaskMean, ...]
    left_out: Mapping[str, Mapping[str, int]]
    notes: tuple[str, ...]
    fresh: bool

    @classmethod
    def of_files(
        cls, out: Path, means: Sequence[Mapping[str, Any]], manifest: Mapping[str, Any], fresh: bool
    ) -> EvaluateSummary:
        """Read the summary off results.json and the manifest, so that a finished evaluation answers as a fresh one."""
        left_out = {name: task["left_out"] for name, task in manifest["tasks"].items() if task["left_out"]}
        return cls(out, tuple(TaskMean(**mean) for mean in means), left_out, tuple(manifest["notes"]), fresh)
