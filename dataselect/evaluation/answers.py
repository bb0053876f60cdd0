"""What a model writes after prompts, as text, some prompts at a time so that progress can be told."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from dataselect.backends.generation import Generated, TokenIds
from dataselect.evaluation.kinds import ITEMS_AT_ONCE
from dataselect.evaluation.model import EvaluatedModel
from dataselect.pool.prompting import Prompt


@dataclass(frozen=True, slots=True)
class Answer:
    """What a model wrote after one prompt.

    Attributes:
        status: "ok", or why the model was not asked.
        ended: Whether the model ended it; False where it was cut off.
    """

    status: str
    text: str = ""
    ended: bool = False

    @property
    def given(self) -> bool:
        """Whether the model was asked."""
        return self.status == "ok"


def write_answers(
    model: EvaluatedModel, prompts: Sequence[Prompt], max_new_tokens: int, tell: Callable[[int], None]
) -> list[Answer]:
    """The answers to prompts, in order.

    Args:
        tell: Called with the number of prompts done so far.
    """
    ready = [prompt.ids for prompt in prompts if prompt.status == "ok"]
    done = len(prompts) - len(ready)

    def tick(number: int) -> None:
        nonlocal done
        done += number
        tell(done)

    written: list[Generated] = []
    for begin in range(0, len(ready), ITEMS_AT_ONCE):
        written += model.write_on(ready[begin : begin + ITEMS_AT_ONCE], max_new_tokens, tick)
    texts = iter([_answer(model, ids, one) for ids, one in zip(ready, written, strict=True)])
    return [next(texts) if prompt.status == "ok" else Answer(prompt.status) for prompt in prompts]


def _answer(model: EvaluatedModel, prompt: TokenIds, one: Generated) -> Answer:
    """Some tokenizers drop the space before a text's first word, so the prompt is decoded along and taken away."""
    before = _decoded(model, prompt.tolist())
    whole = _decoded(model, [*prompt.tolist(), *one.ids.tolist()])
    text = whole[len(before) :] if whole.startswith(before) else _decoded(model, one.ids.tolist())
    return Answer("ok", text, one.ended)


def _decoded(model: EvaluatedModel, ids: list[int]) -> str:
    decoded = model.renderer.tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)
    return str(decoded)
