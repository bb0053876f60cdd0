"""Generation with exact match: whether the answer that the model writes ends in the right number.

A question is rendered as the user's turn by the renderer that training uses, `--shots` solved ones before it as earlier
turns, and the model writes the response, greedily. It ends at a token that closes a turn, at the most tokens, or where
it begins the user's next turn itself. Two metrics per item, both better when higher: `exact_match_strict` looks for the
form that GSM8K's answers have, `exact_match_flexible` takes the last number (`final_answers`). An answer that was cut
off counts as it stands; how many were is noted. What was written and found is kept item by item.

Left out: several samples per question, and answers that are no numbers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dataselect.errors import DataselectError
from dataselect.evaluation.answers import Answer, write_answers
from dataselect.evaluation.final_answers import flexible_answer, reference_answer, same_number, strict_answer
from dataselect.evaluation.generation import GenerationOptions, Solved, draw_shots
from dataselect.evaluation.kinds import EXACT_MATCH, Progress, TaskOutcome
from dataselect.evaluation.model import EvaluatedModel
from dataselect.evaluation.records import ItemIds, read_records, unscored
from dataselect.evaluation.results import ItemOutput
from dataselect.evaluation.tasks import Task
from dataselect.pool.prompting import next_turn, render_prompts
from dataselect.records import Message


@dataclass(frozen=True, slots=True)
class Question:
    """One item.

    Attributes:
        answer: The worked answer, as the file has it.
        expected: The number in it, as it stands there.
    """

    id: str
    question: str
    answer: str
    expected: str


def evaluate_exact_match(task: Task, model: EvaluatedModel, progress: Progress) -> TaskOutcome:
    """Evaluate one file of {question, answer}.

    Raises:
        DataselectError: If a record is malformed, there are too few shots, or no item can be asked.
    """
    assert task.file is not None
    items = read_questions(task.file)
    shots = _shots(task.generation, items)
    prompts = render_prompts(model.renderer, [[*shots, Message("user", item.question)] for item in items])
    answers = write_answers(
        model, prompts, task.generation.max_new_tokens, lambda done: progress(task.name, done, len(items))
    )
    marker = next_turn(model.renderer)
    outputs = [_judge(item, answer, marker) for item, answer in zip(items, answers, strict=True) if answer.given]
    left_out = dict(sorted(Counter(answer.status for answer in answers if not answer.given).items()))
    if not outputs:
        raise unscored(task.name, left_out)
    ids = tuple(output.item_id for output in outputs)
    results = tuple(
        metric.result(task.name, ids, [float(output.judged[metric.name]) for output in outputs])
        for metric in EXACT_MATCH.metrics
    )
    return TaskOutcome(results, len(items), left_out, cut_off(outputs), tuple(outputs))


def cut_off(outputs: Sequence[ItemOutput]) -> tuple[str, ...]:
    """A note on the answers that the model did not end."""
    number = sum(not output.ended for output in outputs)
    return (f"{number} of {len(outputs)} answers were cut off at the most tokens",) if number else ()


def _judge(item: Question, answer: Answer, marker: str) -> ItemOutput:
    """What was found in one answer.

    Args:
        marker: What the user's next turn begins with; empty for nothing to look for.
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


def _shots(options: GenerationOptions, items: Sequence[Question]) -> tuple[Message, ...]:
    if options.shots_from is None:
        return ()
    solved = [Solved(one.question, one.answer) for one in read_questions(options.shots_from)]
    return draw_shots(solved, [item.question for item in items], options.shots, options.shots_from)


def read_questions(file: Path) -> list[Question]:
    """Read a file of {question, answer}; the answer is a number, or ends in `#### NUMBER`.

    Raises:
        DataselectError: If a record is malformed, naming its line.
    """
    ids = ItemIds(file)
    return [_question(file, line, record, ids) for line, record in read_records(file)]


def _question(file: Path, line: int, record: object, ids: ItemIds) -> Question:
    where = f"{file} line {line}"
    if not isinstance(record, Mapping):
        raise DataselectError(f"{where}: expected a record with question and answer", "fix the record")
    question, answer = record.get("question"), record.get("answer")
    if not isinstance(question, str) or not question.strip():
        raise DataselectError(f"{where}: question should be text, got {question!r}", "fix the record")
    expected = reference_answer(answer)
    if expected is None:
        message = f"{where}: answer should be a number or end in #### NUMBER, got {str(answer)[-60:]!r}"
        raise DataselectError(message, "exact match is for numbers; held-out likelihood takes any answer")
    return Question(ids.name(line, record), question, str(answer), expected)
