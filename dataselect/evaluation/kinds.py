"""The kinds of tasks with their metrics, and what every kind gives: outcomes per item, and a count of those without."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from dataselect.evaluation.results import ItemOutput
from dataselect.records import Direction, TaskResult
from dataselect.registry import Registry


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric of a kind of task, and which way it improves."""

    name: str
    direction: Direction

    def result(self, task: str, item_ids: tuple[str, ...], values: object, groups: tuple[str, ...] = ()) -> TaskResult:
        """The outcomes of one task in this metric.

        Args:
            values: (n_items,) numbers.
            groups: The group of each item, where the task has any.
        """
        return TaskResult(task, self.name, self.direction, item_ids, np.asarray(values, np.float64), groups)


@dataclass(frozen=True, slots=True)
class TaskKind:
    """One kind of task.

    Attributes:
        given_by: What `--task` names, from which the kind is recognised, unless it is told.
        metrics: Its metrics; none where each task has its own.
        code: "module:function" that evaluates one task of this kind.
        columns: Columns by which a file's first record shows that it is of this kind; none where it does not show.
        generates: Whether the model writes answers.
    """

    name: str
    given_by: str
    metrics: tuple[Metric, ...]
    code: str
    columns: tuple[str, ...] = ()
    generates: bool = False


HELD_OUT = TaskKind(
    "held-out",
    "a file of SFT records",
    (Metric("nll", "lower"), Metric("bits_per_byte", "lower")),
    "dataselect.evaluation.held_out:evaluate_held_out",
)
MULTIPLE_CHOICE = TaskKind(
    "multiple-choice",
    "a file of {question, choices, answer}",
    (Metric("accuracy", "higher"), Metric("accuracy_norm", "higher")),
    "dataselect.evaluation.multiple_choice:evaluate_multiple_choice",
    columns=("choices",),
)
MINIMAL_PAIRS = TaskKind(
    "minimal-pairs",
    "a file of {sentence_good, sentence_bad}",
    (Metric("accuracy", "higher"),),
    "dataselect.evaluation.minimal_pairs:evaluate_minimal_pairs",
    columns=("sentence_good", "sentence_bad"),
)
EXACT_MATCH = TaskKind(
    "exact-match",
    "exact-match:FILE of {question, answer}",
    (Metric("exact_match_strict", "higher"), Metric("exact_match_flexible", "higher")),
    "dataselect.evaluation.exact_match:evaluate_exact_match",
    generates=True,
)
UNIT_TESTS = TaskKind(
    "unit-tests",
    "a file of {prompt, entry_point, test}, with --run-code",
    (Metric("pass@1", "higher"),),
    "dataselect.evaluation.unit_tests:evaluate_unit_tests",
    columns=("prompt", "entry_point", "test"),
    generates=True,
)
LM_EVAL = TaskKind(
    "lm-eval",
    "the name of an lm-evaluation-harness task, or its YAML file",
    (),
    "dataselect.evaluation.harness:evaluate_harness",
)

KINDS = (HELD_OUT, MULTIPLE_CHOICE, MINIMAL_PAIRS, EXACT_MATCH, UNIT_TESTS, LM_EVAL)
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
        outputs: What the model wrote, item by item, where it writes.
    """

    results: tuple[TaskResult, ...]
    items: int
    left_out: Mapping[str, int]
    notes: tuple[str, ...] = ()
    outputs: tuple[ItemOutput, ...] = ()
