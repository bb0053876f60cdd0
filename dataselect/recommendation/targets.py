"""The steering items as a target set: what rows are compared with, by embeddings or by words.

Files of SFT records and of questions with answers are read as they are. Items of other kinds are written as records:
the question with its right choice, the good sentence of a pair, the prompt of a program.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from dataselect.artifacts import json_line
from dataselect.evaluation.items import read_values
from dataselect.evaluation.tasks import MINIMAL_PAIRS, MULTIPLE_CHOICE, UNIT_TESTS
from dataselect.recommendation.split import SplitTask
from dataselect.stage import StageDirectory


def write_targets(tasks: Sequence[SplitTask], stage: StageDirectory) -> tuple[str, ...]:
    """Return the files of the target set, written to `targets/` where a task is of another kind than SFT records."""
    return tuple(_target(task, stage) for task in tasks)


def _target(task: SplitTask, stage: StageDirectory) -> str:
    record = _RECORDS.get(task.kind)
    if record is None:
        return str(task.steering)
    name = f"targets/{task.name}.jsonl"
    items = (value for _, value in read_values(task.steering) if isinstance(value, Mapping))
    stage.write_text(name, "".join(json_line(record(item)) for item in items))
    return str(stage.path / name)


def _choice(item: Mapping[str, Any]) -> dict[str, Any]:
    choices, answer = list(item["choices"]), item["answer"]
    return {"prompt": item["question"], "response": choices[answer] if isinstance(answer, int) else str(answer)}


def _pair(item: Mapping[str, Any]) -> dict[str, Any]:
    return {"text": item["sentence_good"]}


def _program(item: Mapping[str, Any]) -> dict[str, Any]:
    return {"prompt": item["prompt"], "response": item.get("canonical_solution") or item["entry_point"]}


_RECORDS: Mapping[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
    MULTIPLE_CHOICE.name: _choice, MINIMAL_PAIRS.name: _pair, UNIT_TESTS.name: _program,
}  # fmt: skip
