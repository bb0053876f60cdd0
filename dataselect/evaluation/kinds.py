"""The kinds of tasks, and what every kind gives: outcomes per item, and a count of the items that have none."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from dataselect.records import TaskResult
from dataselect.registry import Registry


@dataclass(frozen=True, slots=True)
class TaskKind:
    """One kind of task.

    Attributes:
        given_by: What `--task` names, from which the kind is recognised.
        metrics: Names of its metrics.
        code: "module:function" that evaluates one task of this kind.
    """

    name: str
    given_by: str
    metrics: tuple[str, ...]
    code: str


HELD_OUT = "held-out"
MULTIPLE_CHOICE = "multiple-choice"
LM_EVAL = "lm-eval"

KINDS = (
    TaskKind(
        HELD_OUT,
        "a file of SFT records",
        ("nll", "bits_per_byte"),
        "dataselect.evaluation.held_out:evaluate_held_out",
    ),
    TaskKind(
        MULTIPLE_CHOICE,
        "a file of {question, choices, answer}",
        ("accuracy", "accuracy_norm"),
        "dataselect.evaluation.multiple_choice:evaluate_multiple_choice",
    ),
    TaskKind(
        LM_EVAL,
        "the name of an lm-evaluation-harness task",
        ("the task's own",),
        "dataselect.evaluation.harness:evaluate_harness",
    ),
)
"""Every kind, in the order in which `dataselect ls tasks` prints them."""

EVALUATORS = Registry("task kind", {kind.name: kind.code for kind in KINDS})

ITEMS_AT_ONCE = 512
"""Items that are rendered and scored together."""

Progress = Callable[[str, int, int], None]
"""Called with a task's name, its items done so far, and its items in all."""


@dataclass(frozen=True, slots=True)
class TaskOutcome:
    """What one task gave.

    Attributes:
        results: One per metric, all over the same items.
        items: Items of the task, scored or not.
        left_out: Number of items per reason that have no outcome.
        notes: What a reader of the numbers should know.
    """

    results: tuple[TaskResult, ...]
    items: int
    left_out: Mapping[str, int]
    notes: tuple[str, ...] = ()
