"""Multiple choice by log-likelihood: whether the model finds the right choice the most likely response.

The question is rendered as the prompt and each choice as the response to it, by the renderer that training uses, so the
response's tokens are the choice's. Two metrics per item, both better when higher: `accuracy`, whether the choice with
the highest sum of log-probabilities is the answer, and `accuracy_norm`, the same with the sums divided by the UTF-8
bytes of the choice, which removes the advantage of short ones (arXiv 2405.14782; lm-evaluation-harness calls it
`acc_bytes`, and divides by characters in its `acc_norm`). Both come from the same log-probabilities.
Where n choices tie for the best and the answer is among them, the item counts 1/n. Equal choices are scored once, so
that they tie to the last bit.

Left out: few-shot prompts and lettered choices; lm-evaluation-harness has both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dataselect.evaluation.items import ItemRecord, Progress, chunks, read_records
from dataselect.evaluation.model import EvaluatedModel
from dataselect.evaluation.results import ItemValues, TaskOutcome
from dataselect.evaluation.tasks import MULTIPLE_CHOICE, EvaluationTask
from dataselect.records import Example, Message


@dataclass(frozen=True, slots=True)
class ChoiceItem:
    """One question.

    Attributes:
        answer: Index of the right choice.
    """

    id: str
    question: str
    choices: tuple[str, ...]
    answer: int


def evaluate_multiple_choice(task: EvaluationTask, model: EvaluatedModel, progress: Progress) -> TaskOutcome:
    """Evaluate one file of {question, choices, answer}.

    Raises:
        DataselectError: If a record is malformed, or no item can be scored.
    """
    assert task.file is not None
    items = read_items(task.file)
    found = ItemValues()
    for chunk in chunks(task.name, items, progress):
        for item, sums in zip(chunk, _choice_sums(chunk, model), strict=True):
            if isinstance(sums, str):
                found.left_out[sums] += 1
            else:
                found.add(item.id, *outcomes(item, sums))
    return found.outcome(task, MULTIPLE_CHOICE.metrics, len(items))


def outcomes(item: ChoiceItem, sums: Sequence[float]) -> tuple[float, float]:
    """`accuracy` and `accuracy_norm` of one item.

    Args:
        sums: (n_choices,) sum of the log-probabilities of each choice.
    """
    num_bytes = np.array([len(choice.encode("utf-8")) for choice in item.choices])
    return _credit(np.array(sums), item.answer), _credit(np.array(sums) / num_bytes, item.answer)


def _credit(scores: NDArray[np.float64], answer: int) -> float:
    best = scores == scores.max()
    return float(best[answer] / best.sum())


def _choice_sums(items: Sequence[ChoiceItem], model: EvaluatedModel) -> list[list[float] | str]:
    """Sums of log-probabilities, one per choice of each item, or the status of the first choice that has none."""
    pairs = list(dict.fromkeys((item.question, choice) for item in items for choice in item.choices))
    examples = [
        Example(str(index), "choices", {}, (Message("user", question), Message("assistant", choice)), line=index)
        for index, (question, choice) in enumerate(pairs)
    ]
    scored = dict(zip(pairs, model.respond(examples), strict=True))
    found: list[list[float] | str] = []
    for item in items:
        scores = [scored[item.question, choice] for choice in item.choices]
        why_not = next((score.status for score in scores if score.nll is None or score.status == "truncated"), None)
        found.append(why_not or [-score.nll for score in scores if score.nll is not None])
    return found


def read_items(file: Path) -> list[ChoiceItem]:
    """Read a file of {question, choices, answer}; the answer is the index of a choice, from 0, or its text.

    Raises:
        DataselectError: If a record is malformed, naming its line.
    """
    return [_item(record) for record in read_records(file, "question, choices and answer")]


def _item(record: ItemRecord) -> ChoiceItem:
    question, choices = record.text("question"), record.fields.get("choices")
    if not isinstance(choices, list) or len(choices) < 2 or not all(isinstance(one, str) and one for one in choices):
        raise record.fault(f"choices should be two or more texts, got {choices!r}")
    answer = _answer(record.fields.get("answer"), choices)
    if answer is None:
        given = record.fields.get("answer")
        raise record.fault(f"answer should be one of the choices or its index below {len(choices)}, got {given!r}")
    return ChoiceItem(record.item_id(), question, tuple(choices), answer)


def _answer(answer: object, choices: Sequence[str]) -> int | None:
    if isinstance(answer, int) and not isinstance(answer, bool):
        return answer if 0 <= answer < len(choices) else None
    return choices.index(answer) if isinstance(answer, str) and answer in choices else None
