"""The request of an evaluation, and its summary.

Left out: sampling. Answers are greedy, so that one model gives one outcome per item.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dataselect.arguments import checked
from dataselect.errors import UsageError
from dataselect.records import Direction
from dataselect.stage import Overwrite


@dataclass(frozen=True, slots=True)
class GenerationOptions:
    """The options of writing answers.

    Attributes:
        max_new_tokens: Most tokens of an answer.
        shots: Solved questions that are shown before each item.
        shots_from: File that they are drawn from; None where there are none.

    Raises:
        UsageError: If there are shots and no file to draw them from, or a file and no shots, or a number is too small.
    """

    max_new_tokens: int = 512
    shots: int = 0
    shots_from: Path | None = None

    def __post_init__(self) -> None:
        if self.max_new_tokens < 1 or self.shots < 0:
            raise UsageError(
                f"answers need at least 1 token and 0 shots, got {self.max_new_tokens} and {self.shots}", "give more"
            )
        if bool(self.shots) != (self.shots_from is not None):
            raise UsageError(
                "shots need a number and a file that they are drawn from", "give both --shots N and --shots-from FILE"
            )
        if self.shots_from is not None and not self.shots_from.is_file():
            raise UsageError(f"--shots-from {self.shots_from} is not a file", "give a file of {question, answer}")


DEFAULTS = GenerationOptions()


@dataclass(frozen=True, slots=True)
class EvaluateRequest:
    """The model, the tasks, and the folder of the results.

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
    overwrite: Overwrite = False

    def __post_init__(self) -> None:
        checked(self)

    @property
    def generation(self) -> GenerationOptions:
        """The options of writing answers."""
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
    """The result of an evaluation.

    Attributes:
        means: One per task and metric, in the order of the tasks.
        left_out: Per task, the number of items per reason that have no outcome.
        notes: Warnings for readers of the numbers.
        fresh: False if the directory was finished already and nothing was done.
    """

    out: Path
    means: tuple[TaskMean, ...]
    left_out: Mapping[str, Mapping[str, int]]
    notes: tuple[str, ...]
    fresh: bool
