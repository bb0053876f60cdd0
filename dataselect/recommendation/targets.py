"""The steering items as a target set: what rows are compared with, by embeddings or by words.

Files of SFT records and of questions with answers are read as they are. Items of other kinds are written as records:
the question with its right choice, the good sentence of a pair, the prompt of a program. Pools with a column map are
embedded together with targets of the same columns, so that all are written under those names then.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from dataselect.artifacts import json_line
from dataselect.evaluation.items import read_values
from dataselect.evaluation.tasks import MINIMAL_PAIRS, MULTIPLE_CHOICE, UNIT_TESTS
from dataselect.pool import ColumnMap, PoolReader
from dataselect.pool.schema import mapped_columns
from dataselect.recommendation.split import SplitTask
from dataselect.records import Example
from dataselect.selection.pool_index import text_of_example
from dataselect.stage import StageDirectory


def write_targets(tasks: Sequence[SplitTask], stage: StageDirectory, columns: ColumnMap) -> tuple[str, ...]:
    """Return the files of the target set, written to `targets/` where a task is of another kind than SFT records.

    Args:
        columns: Column map of the pools.
    """
    if mapped_columns(columns):
        return tuple(_under(columns, task.name, _target(task, stage), stage) for task in tasks)
    return tuple(_target(task, stage) for task in tasks)


def _under(columns: ColumnMap, name: str, target: str, stage: StageDirectory) -> str:
    """Write a target file under the columns of the pools."""
    records = [_renamed(one, columns) for one in PoolReader([target]) if isinstance(one, Example)]
    stage.write_text(f"targets/{name}.mapped.jsonl", "".join(json_line(record) for record in records))
    return str(stage.path / "targets" / f"{name}.mapped.jsonl")


def _renamed(example: Example, columns: ColumnMap) -> dict[str, str]:
    text = text_of_example(example)
    names = {"prompt": columns.prompt or "prompt", "response": columns.response or "response"}
    said = {names["prompt"]: text.prompt, names["response"]: text.response}
    if columns.text:
        said = {columns.text: f"{text.prompt}\n{text.response}".strip()}
    extra = {name: "" for name in (columns.system,) if name}
    return {**({columns.id: example.id} if columns.id else {}), **extra, **said}


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
