"""An honest split of a task: one half of its items steers the search, the other is sealed for the final figures.

The side of an item follows from the sha256 of its content and the seed, not from its place in the file. Near-duplicates
(Jaccard similarity of word 5-grams of at least 0.8, over any chain of items) stay together: groups are put in the order
of their smallest digest and cut where the halves are most nearly equal. So an item that is added to the file moves few
others. Nothing but the final evaluation reads the sealed file.

Records are written as they came, one a line, so that an evaluation reads the same kind of task from either half. Which
records are items is decided by what evaluates them: of SFT records those that a pool reader can read, of other kinds
all, where a malformed one is an error. SFT records that only the column map of the pools can read are written as
dialogues, since an evaluation knows no column map.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dataselect.artifacts import canonical_json, json_line, text_digest
from dataselect.errors import DataselectError, UsageError
from dataselect.evaluation.exact_match import read_questions
from dataselect.evaluation.items import read_values
from dataselect.evaluation.minimal_pairs import read_pairs
from dataselect.evaluation.multiple_choice import read_items
from dataselect.evaluation.run import check_task
from dataselect.evaluation.tasks import (
    EXACT_MATCH,
    HELD_OUT,
    LM_EVAL,
    MINIMAL_PAIRS,
    MULTIPLE_CHOICE,
    UNIT_TESTS,
    EvaluationTask,
    find_tasks,
)
from dataselect.evaluation.unit_tests import read_problems
from dataselect.pool import ColumnMap, PoolReader
from dataselect.pool.schema import mapped_columns
from dataselect.pool.sources import STDIN
from dataselect.recommendation.near_groups import near_groups
from dataselect.recommendation.pool_names import safe_names
from dataselect.records import Example
from dataselect.reports.audit import many
from dataselect.selection.pool_index import text_of_example
from dataselect.stage import StageDirectory
from dataselect.strategies import Text

SPLIT = "split"
FEWEST, FEW = 4, 40
"""Items below which a task is refused, and below which its split carries a note."""

_CHECKS: Mapping[str, Callable[[Path], Sequence[object]]] = {
    EXACT_MATCH.name: read_questions, MINIMAL_PAIRS.name: read_pairs, MULTIPLE_CHOICE.name: read_items,
    UNIT_TESTS.name: read_problems,
}  # fmt: skip
_ASKED = {
    EXACT_MATCH.name: ("question",), MULTIPLE_CHOICE.name: ("question", "choices"), UNIT_TESTS.name: ("prompt",),
    MINIMAL_PAIRS.name: ("sentence_good",),
}  # fmt: skip
"""Fields by which items of a kind are compared."""


@dataclass(frozen=True, slots=True)
class SplitTask:
    """One task in two halves.

    Attributes:
        name: Its name in results, fit for a file.
        kind: The name of its kind.
        steering, sealed: The files of the halves.
        groups: Groups of near-duplicates, single items included.
        note: What the reader should know about its size; empty for nothing.
    """

    name: str
    kind: str
    steering: Path
    sealed: Path
    steering_items: int
    sealed_items: int
    groups: int
    note: str = ""

    @property
    def steering_task(self) -> str:
        """The steering half as a `--task` value of the same name and kind."""
        return f"{self.name}={self.kind}:{self.steering}"

    @property
    def sealed_task(self) -> str:
        """The sealed half as a `--task` value of the same name and kind."""
        return f"{self.name}={self.kind}:{self.sealed}"


@dataclass(frozen=True, slots=True)
class _Item:
    record: Mapping[str, Any]
    text: Text


def check_tasks(tasks: Sequence[str], run_code: bool) -> None:
    """Refuse tasks that cannot be split or must not be run, before a pool is read.

    Args:
        run_code: Whether programs that a model wrote may be executed.

    Raises:
        UsageError: For one that is no file, and for unit tests that were not allowed.
        DataselectError: If a file does not exist.
    """
    for task in find_tasks(tasks):
        _refuse_names(task)
        if task.kind == UNIT_TESTS.name:
            check_task(task, run_code)


def split_tasks(
    tasks: Sequence[str], directory: StageDirectory, seed: int, columns: ColumnMap | None = None
) -> tuple[SplitTask, ...]:
    """Split several tasks, whose names are made distinct.

    Args:
        columns: Column map of the pools, for tasks that have the same columns.

    Raises:
        DataselectError: As `split_task`.
    """
    found = find_tasks(tasks)
    names = safe_names([task.name for task in found])
    return tuple(_split(task, names[task.name], directory, seed, columns) for task in found)


def split_task(task: str, directory: StageDirectory, seed: int, columns: ColumnMap | None = None) -> SplitTask:
    """Write the halves of a task to `split/NAME.steering.jsonl` and `split/NAME.sealed.jsonl`.

    Args:
        task: `[NAME=][KIND:]FILE`, as `--task` takes it.
        columns: Column map of the pools.

    Raises:
        UsageError: If it is not a file.
        DataselectError: If the file cannot be read, has fewer than 4 items, or all are near-duplicates of each other.
    """
    return split_tasks([task], directory, seed, columns)[0]


def _split(
    task: EvaluationTask, name: str, directory: StageDirectory, seed: int, columns: ColumnMap | None
) -> SplitTask:
    _refuse_names(task)
    items, unreadable = _read(task, columns)
    if len(items) < FEWEST:
        raise DataselectError(
            f"the task {task.file} has {many(len(items), 'item')}: at least {FEWEST} are needed to keep half of them "
            f"sealed, and {FEW} to learn much",
            "give more examples of the task",
        )
    groups = near_groups([item.text for item in items], [canonical_json(item.record) for item in items])
    if len(groups) < 2:
        raise DataselectError(
            f"all {len(items):,} items of the task {task.file} are near-duplicates of each other: no half of them can "
            "be sealed",
            "give examples that differ",
        )
    steering, sealed = _halves(groups, items, seed)
    files = {side: f"{SPLIT}/{name}.{side}.jsonl" for side in ("steering", "sealed")}
    for side, rows in (("steering", steering), ("sealed", sealed)):
        directory.write_text(files[side], "".join(json_line(items[row].record) for row in rows))
    return SplitTask(
        name=name, kind=task.kind, steering=directory.path / files["steering"],
        sealed=directory.path / files["sealed"], steering_items=len(steering), sealed_items=len(sealed),
        groups=len(groups), note=_note(task, len(sealed), len(items), unreadable),
    )  # fmt: skip


def _refuse_names(task: EvaluationTask) -> None:
    if task.file is None or task.kind == LM_EVAL.name:
        raise UsageError(
            f"the task {task.name} is one of lm-evaluation-harness, whose items cannot be split",
            "give a file of examples of the task: --task FILE",
        )


def _read(task: EvaluationTask, columns: ColumnMap | None) -> tuple[list[_Item], int]:
    """The items of a file, and how many of its records are none."""
    assert task.file is not None
    if str(task.file) == STDIN:
        raise UsageError("a task cannot be read from standard input", "give the path of a file")
    if task.kind == HELD_OUT.name:
        read = list(PoolReader([str(task.file)]))
        items = [_Item(one.record, text_of_example(one)) for one in read if isinstance(one, Example)]
        if not items and columns is not None and mapped_columns(columns):
            read = list(PoolReader([str(task.file)], columns))
            items = [_Item(_plain(one), text_of_example(one)) for one in read if isinstance(one, Example)]
        return items, len(read) - len(items)
    _CHECKS[task.kind](task.file)
    records = [value for _, value in read_values(task.file) if isinstance(value, Mapping)]
    return [_Item(record, _text(record, _ASKED[task.kind])) for record in records], 0


def _plain(example: Example) -> dict[str, Any]:
    """An example as a record that is read without a column map."""
    if example.text is not None:
        return {"id": example.id, "text": example.text}
    turns = [{"role": one.role, "content": one.full_content} for one in example.messages]
    return {"id": example.id, "messages": turns}


def _text(record: Mapping[str, Any], names: Sequence[str]) -> Text:
    values = [record[name] for name in names]
    parts = [str(part) for value in values for part in (value if isinstance(value, list | tuple) else [value])]
    return Text(parts[0], "\n".join(parts[1:]))


def _halves(groups: Sequence[Sequence[int]], items: Sequence[_Item], seed: int) -> tuple[list[int], list[int]]:
    """The items of either side, each in the order of the file."""
    digests = [text_digest(f"{seed}:{canonical_json(item.record)}") for item in items]
    ordered = sorted(groups, key=lambda group: min(digests[row] for row in group))
    sizes = [len(group) for group in ordered]
    before = [sum(sizes[:cut]) for cut in range(len(sizes))]
    cut = min(range(1, len(sizes)), key=lambda at: abs(2 * before[at] - len(items)))
    sides = [sorted(row for group in half for row in group) for half in (ordered[:cut], ordered[cut:])]
    return sides[0], sides[1]


def _note(task: EvaluationTask, sealed: int, items: int, unreadable: int) -> str:
    """What a small task can show, and what it would take to show more."""
    notes = []
    if unreadable:
        no_items = "is no item" if unreadable == 1 else "are no items"
        notes.append(f"{many(unreadable, 'unreadable record')} of {task.name} {no_items}")
    if items < FEW:
        width = half_width(sealed)
        points = (
            f", which is {width / 2:.0%} where a quarter of the answers change" if task.kind != HELD_OUT.name else ""
        )
        notes.append(
            f"{task.name} has {many(items, 'item')}, of which {sealed} {'is' if sealed == 1 else 'are'} sealed: the "
            f"95 % interval of a difference will be about ±{width:.2f} standard deviations of the items' "
            f"differences{points}; {3 * items:,} more items would halve it"
        )
    return "; ".join(notes)


def half_width(items: int) -> float:
    """Half the width of a 95 % interval of a mean, in standard deviations of one item (Student's t)."""
    from scipy.special import stdtrit

    return float(stdtrit(items - 1, 0.975)) / math.sqrt(items) if items > 1 else math.inf
