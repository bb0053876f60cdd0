"""Generation with exact match: whether the answer that the model writes ends in the right number.

A question is rendered as the user's turn by the renderer that training uses, `--shots` solved ones before it as earlier
turns, and the model writes the response, greedily. It ends at a token that closes a turn, at the most tokens, or where
it begins the user's next turn itself. An answer that was cut off is judged as it is; how many were is noted. Each
answer is kept with the numbers that were extracted from it.

Two metrics per item, both better when higher. `exact_match_strict` takes the first `#### NUMBER` (Cobbe et al. 2021,
arXiv 2110.14168, whose GSM8K answers end so), `exact_match_flexible` the last number anywhere;
lm-evaluation-harness calls them `strict-match` and `flexible-extract`. Numbers are compared as numbers: commas between
thousands, a currency sign, a per cent sign, a plus and trailing zeros make no difference. A hyphen is a sign only where
no digit, letter or bracket stands before it, so that `18-24` ends in 24.

Left out: several samples per question, answers that are no numbers, fractions, powers of ten, and numbers in words.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import numpy as np

from dataselect.errors import DataselectError
from dataselect.evaluation.answers import WrittenAnswer, answer_items, cut_off
from dataselect.evaluation.items import ItemRecord, Progress, read_records
from dataselect.evaluation.model import EvaluatedModel
from dataselect.evaluation.request import GenerationOptions
from dataselect.evaluation.results import ItemOutput, ItemValues, TaskOutcome
from dataselect.evaluation.tasks import EXACT_MATCH, EvaluationTask
from dataselect.pool.prompting import next_turn, render_prompts
from dataselect.records import Message

_BODY = r"(?:(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d+)?|(?<!\d)\.\d+)"
_NUMBER = rf"(?:(?<![\w)])[-+−])?(?:[$€£][-−]?)?{_BODY}%?"
_ANY = re.compile(_NUMBER)
_MARKED = re.compile(rf"####[ \t]*({_NUMBER})")
_MARK = "####"
_DECORATION = str.maketrans({"−": "-", **dict.fromkeys(",$€£%+")})
_SHOT_SEED = 0


@dataclass(frozen=True, slots=True)
class WorkedQuestion:
    """One item.

    Attributes:
        answer: The worked answer, as the file has it.
        expected: The number in it, as the file has it.
    """

    id: str
    question: str
    answer: str
    expected: str


def evaluate_exact_match(task: EvaluationTask, model: EvaluatedModel, progress: Progress) -> TaskOutcome:
    """Evaluate one file of {question, answer}.

    Raises:
        DataselectError: If a record is malformed, there are too few shots, or no item can be asked.
    """
    assert task.file is not None
    items = read_questions(task.file)
    shots = read_shots(task.generation, items)
    prompts = render_prompts(model.renderer, [[*shots, Message("user", item.question)] for item in items])
    found, marker = ItemValues(), next_turn(model.renderer)
    answers = answer_items(task, model, items, prompts, progress, found)
    outputs = [_judge(item, answer, marker) for item, answer in answers]
    for output in outputs:
        found.add(output.item_id, *(float(output.judged[metric.name]) for metric in EXACT_MATCH.metrics))
    return found.outcome(task, EXACT_MATCH.metrics, len(items), notes=cut_off(outputs), outputs=tuple(outputs))


def read_questions(file: Path) -> list[WorkedQuestion]:
    """Read a file of {question, answer}; the answer is a number, or ends in `#### NUMBER`.

    Raises:
        DataselectError: If a record is malformed, naming its line.
    """
    return [_question(record) for record in read_records(file, "question and answer")]


def _question(record: ItemRecord) -> WorkedQuestion:
    question, answer = record.text("question"), record.fields.get("answer")
    expected = reference_answer(answer)
    if expected is None:
        message = f"answer should be a number or end in #### NUMBER, got {str(answer)[-60:]!r}"
        raise record.fault(message, "exact match is for numbers; held-out likelihood takes any answer")
    return WorkedQuestion(record.item_id(), question, str(answer), expected)


def read_shots(options: GenerationOptions, items: Sequence[WorkedQuestion]) -> tuple[Message, ...]:
    """Read the file of solved questions and draw the shots for a task.

    Raises:
        DataselectError: If a record is malformed, or there are not enough.
    """
    if options.shots_from is None:
        return ()
    solved = read_questions(options.shots_from)
    return draw_shots(solved, [item.question for item in items], options.shots, options.shots_from)


def draw_shots(
    solved: Sequence[WorkedQuestion], asked: Sequence[str], number: int, origin: Path
) -> tuple[Message, ...]:
    """Draw solved questions, the same for every item, as earlier turns of the conversation.

    A question that the task asks is never shown with its answer.

    Args:
        solved: The questions to draw from.
        asked: The questions of the task.

    Raises:
        DataselectError: If there are not enough.
    """
    known = set(asked)
    usable = [one for one in solved if one.question not in known]
    if len(usable) < number:
        message = f"{origin} has {len(usable)} questions that the task does not ask, but --shots is {number}"
        raise DataselectError(message, "draw them from the training file of the benchmark")
    chosen = np.random.default_rng(_SHOT_SEED).choice(len(usable), number, replace=False)
    turns = ((Message("user", usable[i].question), Message("assistant", usable[i].answer)) for i in chosen)
    return tuple(message for pair in turns for message in pair)


def _judge(item: WorkedQuestion, answer: WrittenAnswer, marker: str) -> ItemOutput:
    """Judge one answer.

    Args:
        marker: The beginning of the user's next turn; empty for none.
    """
    text, found, _ = answer.text.partition(marker) if marker else (answer.text, "", "")
    strict, flexible = strict_answer(text), flexible_answer(text)
    judged = {
        "extracted_strict": strict,
        "extracted_flexible": flexible,
        "expected": item.expected,
        "exact_match_strict": same_number(strict, item.expected),
        "exact_match_flexible": same_number(flexible, item.expected),
    }
    return ItemOutput(item.id, text, answer.ended or bool(found), judged)


def strict_answer(text: str) -> str | None:
    """Return the number after the first `####` that has one, as written; None if there is none."""
    found = _MARKED.search(text)
    return found[1] if found else None


def flexible_answer(text: str) -> str | None:
    """Return the last number of a text, as written; None if there is none."""
    found = _ANY.findall(text)
    return found[-1] if found else None


def reference_answer(answer: object) -> str | None:
    """Return the right number: the text after the last `####` of a worked answer, or the answer if it is a number.

    Returns:
        None if that is no number.
    """
    if isinstance(answer, bool) or not isinstance(answer, str | int | float):
        return None
    text = str(answer).rpartition(_MARK)[2].strip().removesuffix(".")
    return text if _ANY.fullmatch(text) else None


def decimal_value(text: str) -> Decimal:
    """Return the value of a number that one of the functions above found."""
    return Decimal(text.translate(_DECORATION))


def same_number(found: str | None, expected: str) -> bool:
    """Return whether the number found is the one expected; None never is."""
    return found is not None and decimal_value(found) == decimal_value(expected)
