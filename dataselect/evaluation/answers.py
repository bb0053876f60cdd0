"""The answers that a model writes to the items of a task, as text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dataselect.backends.contract import Generated, Tick, TokenIds
from dataselect.evaluation.items import ITEMS_AT_ONCE, Item, Progress
from dataselect.evaluation.model import EvaluatedModel
from dataselect.evaluation.results import ItemOutput, ItemValues
from dataselect.evaluation.tasks import EvaluationTask
from dataselect.pool.prompting import Prompt


@dataclass(frozen=True, slots=True)
class WrittenAnswer:
    """The text that a model wrote after one prompt.

    Attributes:
        status: "ok", or why the model was not asked.
        ended: Whether the model ended it; False where it was cut off.
    """

    status: str
    text: str = ""
    ended: bool = False


def answer_items(
    task: EvaluationTask,
    model: EvaluatedModel,
    items: Sequence[Item],
    prompts: Sequence[Prompt],
    progress: Progress,
    found: ItemValues,
) -> list[tuple[Item, WrittenAnswer]]:
    """Write the answers to the items of a task.

    Args:
        prompts: One per item.
        found: Counts the items that the model was not asked.

    Returns:
        The other items, each with its answer.
    """
    progress(task.name, 0, len(items))
    answers = write_answers(
        model, prompts, task.generation.max_new_tokens, lambda done: progress(task.name, done, len(items))
    )
    found.left_out.update(answer.status for answer in answers if answer.status != "ok")
    return [(item, answer) for item, answer in zip(items, answers, strict=True) if answer.status == "ok"]


def write_answers(
    model: EvaluatedModel, prompts: Sequence[Prompt], max_new_tokens: int, report: Tick
) -> list[WrittenAnswer]:
    """Write the answers to prompts, in order.

    Args:
        report: Called with the number of prompts done so far.
    """
    ready = [prompt.ids for prompt in prompts if prompt.status == "ok"]
    done = len(prompts) - len(ready)

    def tick(number: int) -> None:
        nonlocal done
        done += number
        report(done)

    written: list[Generated] = []
    for begin in range(0, len(ready), ITEMS_AT_ONCE):
        written += model.write_on(ready[begin : begin + ITEMS_AT_ONCE], max_new_tokens, tick)
    texts = iter([_answer(model, ids, one) for ids, one in zip(ready, written, strict=True)])
    return [next(texts) if prompt.status == "ok" else WrittenAnswer(prompt.status) for prompt in prompts]


def cut_off(outputs: Sequence[ItemOutput]) -> tuple[str, ...]:
    """Return a note on the answers that the model did not end."""
    number = sum(not output.ended for output in outputs)
    return (f"{number} of {len(outputs)} answers were cut off at --max-new-tokens",) if number else ()


def _answer(model: EvaluatedModel, prompt: TokenIds, one: Generated) -> WrittenAnswer:
    """Some tokenizers drop the space before a text's first word, so prompt and answer are decoded together."""
    before = _decoded(model, prompt.tolist())
    whole = _decoded(model, [*prompt.tolist(), *one.ids.tolist()])
    text = whole[len(before) :] if whole.startswith(before) else _decoded(model, one.ids.tolist())
    return WrittenAnswer("ok", text, one.ended)


def _decoded(model: EvaluatedModel, ids: list[int]) -> str:
    decoded = model.renderer.tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)
    return str(decoded)
