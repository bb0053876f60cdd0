"""Multiple choice by log-likelihood: whether the model finds the right choice the most likely response.

The question is rendered as the prompt and each choice as the response to it, by the renderer that training uses, so the
response's tokens are the choice's. Two metrics per item, both better when higher: `accuracy`, whether the choice with
the highest sum of log-probabilities is the answer, and `accuracy_norm`, the same with the sums divided by the UTF-8
bytes of the choice, which takes away the advantage of short ones (arXiv 2405.14782; lm-evaluation-harness calls it
`acc_bytes`, and divides by characters in its `acc_norm`). Both come from the same log-probabilities.
Where n choices tie for the best and the answer is among them, the item counts 1/n. Equal choices are scored once, so
that they tie to the last bit.

Left out: few-shot prompts and lettered choices; lm-evaluation-harness has both.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dataselect.errors import DataselectError
from dataselect.evaluation.kinds import ITEMS_AT_ONCE, MULTIPLE_CHOICE, Progress, TaskOutcome
from dataselect.evaluation.model import EvaluatedModel
from dataselect.evaluation.records import ItemIds, read_records
from dataselect.evaluation.tasks import Task
from dataselect.records import Example, Message


@dataclass(frozen=True, slots=True)
class Item:
    """One question.

    Attributes:
        answer: Index of the right choice.
    """

    id: str
    line: int
    question: str
    choices: tuple[str, ...]
    answer: int


def evaluate_multiple_choice(task: Task, model: EvaluatedModel, progress: Progress) -> TaskOutcome:
    """Evaluate one file of {question, choices, answer}.

    Raises:
        DataselectError: If a record is malformed, or no item can be scored.
    """
    assert task.file is not None
    items = read_items(task.file)
    left_out: Counter[str] = Counter()
    ids: list[str] = []
    values: list[tuple[float, float]] = []
    for begin in range(0, len(items), ITEMS_AT_ONCE):
        chunk = items[begin : begin + ITEMS_AT_ONCE]
        for item, sums in zip(chunk, _choice_sums(chunk, model), strict=True):
            if isinstance(sums, str):
                left_out[sums] += 1
            else:
                ids.append(item.id)
                values.append(outcomes(item, sums))
        progress(task.name, begin + len(chunk), len(items))
    counted = dict(sorted(left_out.items()))
    if not ids:
        told = ", ".join(f"{number} {reason}" for reason, number in counted.items())
        raise DataselectError(f"no item of the task {task.name} can be scored: {told}", "check its length and choices")
    columns = zip(MULTIPLE_CHOICE.metrics, np.array(values, np.float64).T, strict=True)
    results = tuple(metric.result(task.name, tuple(ids), column) for metric, column in columns)
    return TaskOutcome(results, len(items), counted)


def outcomes(item: Item, sums: Sequence[float]) -> tuple[float, float]:
    """`accuracy` and `accuracy_norm` of one item.

    Args:
        sums: (n_choices,) sum of the log-probabilities of each choice.
    """
    num_bytes = np.array([len(choice.encode("utf-8")) for choice in item.choices])
    return _credit(np.array(sums), item.answer), _credit(np.array(sums) / num_bytes, item.answer)


def _credit(scores: np.ndarray[Any, Any], answer: int) -> float:
    best = scores == scores.max()
    return float(best[answer] / best.sum())


def _choice_sums(items: Sequence[Item], model: EvaluatedModel) -> list[list[float] | str]:
    """Sums of log-probabilities, one per choice of each item, or the status of the first choice that has none."""
    pairs = list(dict.fromkeys((item.question, choice) for item in items for choice in item.choices))
    examples = [_example(index, question, choice) for index, (question, choice) in enumerate(pairs)]
    scored = dict(zip(pairs, model.respond(examples), strict=True))
    found: list[list[float] | str] = []
    for item in items:
        scores = [scored[item.question, choice] for choice in item.choices]
        why_not = next((score.status for score in scores if score.nll is None or score.status == "truncated"), None)
        found.append(why_not or [-score.nll for score in scores if score.nll is not None])
    return found


def _example(index: int, question: str, choice: str) -> Example:
    return Example(str(index), "choices", {}, (Message("user", question), Message("assistant", choice)), line=index)


def read_items(file: Path) -> list[Item]:
    """Read a file of {question, choices, answer}; the answer is the index of a choice, from 0, or its text.

    A benchmark is small and curated, so a malformed record is an error and not left out: the numbers would be those of
    another benchmark.

    Raises:
        DataselectError: If a record is malformed, naming its line.
    """
    ids = ItemIds(file)
    return [_item(file, line, record, ids) for line, record in read_records(file)]


def _item(file: Path, line: int, record: object, ids: ItemIds) -> Item:
    where = f"{file} line {line}"
    if not isinstance(record, Mapping):
        raise DataselectError(f"{where}: expected a record with question, choices and answer", "fix the record")
    question, choices = record.get("question"), record.get("choices")
    if not isinstance(question, str) or not question.strip():
        raise DataselectError(f"{where}: question should be text, got {question!r}", "fix the record")
    if not isinstance(choices, list) or len(choices) < 2 or not all(isinstance(one, str) and one for one in choices):
        raise DataselectError(f"{where}: choices should be two or more texts, got {choices!r}", "fix the record")
    answer = _answer(record.get("answer"), choices)
    if answer is None:
        message = f"{where}: answer should be one of the choices or its index below {len(choices)}"
        raise DataselectError(f"{message}, got {record.get('answer')!r}", "fix the record")
    return Item(ids.name(line, record), line, question, tuple(choices), answer)


def _answer(answer: object, choices: Sequence[str]) -> int | None:
    if isinstance(answer, bool):
        return None
    if isinstance(answer, int):
        return answer if 0 <= answer < len(choices) else None
    return choices.index(answer) if isinstance(answer, str) and answer in choices else None
