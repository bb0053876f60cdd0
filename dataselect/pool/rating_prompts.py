"""Rating prompts: texts that a model continues with a digit from 1 to 6, one for how complex a query is and one for how
good a response is. Paper: Deita (Liu et al. 2023, arXiv 2312.15685), whose prompts these are, with every space.

An *exchange* is the user's turns up to an assistant turn, and the assistant's turns up to the next user turn; of
several turns on one side the texts are joined by a blank line. Each exchange is rated by itself, without what came
before, as in the authors' code. System turns and tool results are not shown; an exchange without a query or without an
answer is not rated, nor one whose answers are context only, nor is plain text.

The digit has to be one token, or its probability is not that of the rating. Prompt and digit are tokenised as one text,
so that each tokenizer writes the digit as it does after a space: some keep the prompt's last space as a token of its
own and put a bare digit behind it (the bundled model's; the authors read Llama's bare digits), others make one token
of space and digit, as GPT-2's does. What has to hold is that the six texts differ in their last token alone. A
tokenizer for which it does not is refused.

Left out: prompts of other raters, and other scales; chat templates, which the prompts were not trained with.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from dataselect.errors import DataselectError
from dataselect.pool.templates import response_text
from dataselect.records import Example, RatingPrompt

PROMPTS = {
    "complexity": "You are a helpful assistant. Please identify the complexity score of the following user query. \n"
    "##Query: {instruction}  \n##Complexity: ",
    "quality": "You are a helpful assistant. Please identify the quality score of the Response corresponding to the "
    "Question. \n #Question#:\n{instruction}\n#Response#:\n{output} \n##Quality: ",
}
"""The prompt of each thing that can be rated."""

DIGITS = "123456"

Encode = Callable[[Sequence[str]], list[NDArray[np.int32]]]
"""Texts to token ids, BOS included where the tokenizer adds it."""


@dataclass(slots=True)
class Exchange:
    """One query and the answer to it, as pieces."""

    asked: list[str] = field(default_factory=list)
    answered: list[str] = field(default_factory=list)
    trained: bool = False

    @property
    def instruction(self) -> str:
        """The query."""
        return "\n\n".join(self.asked)

    @property
    def output(self) -> str:
        """The answer."""
        return "\n\n".join(self.answered)


def exchanges(example: Example) -> list[Exchange]:
    """The exchanges of a dialogue that have both sides; none of plain text."""
    found = [Exchange()]
    for message in example.messages:
        if message.role == "user":
            if found[-1].answered:
                found.append(Exchange())
            found[-1].asked.append(message.full_content)
        elif message.role == "assistant":
            found[-1].answered.append(response_text(message))
            found[-1].trained |= message.trained
    return [one for one in found if one.trained and one.instruction.strip() and one.output.strip()]


class RatingPrompts:
    """Writes the rating prompts of examples.

    Args:
        names: What is to be rated.
        encode: The tokenizer.
        max_length: Most tokens of a prompt with its digit.

    Raises:
        DataselectError: If the tokenizer does not write each digit as one token.
    """

    def __init__(self, names: Iterable[str], encode: Encode, max_length: int) -> None:
        self._encode = encode
        self._max_length = max_length
        self._digits = {name: _digits(name, encode) for name in names}

    def of(self, examples: Sequence[Example]) -> list[tuple[RatingPrompt, ...]]:
        """The prompts of each example, by what is rated and in the order of the exchanges.

        Where one prompt of an example is too long, or does not end in the token that it should, none of its kind are
        given: half a dialogue is not rated.
        """
        texts = [
            (row, name, PROMPTS[name].format(instruction=one.instruction, output=one.output) + DIGITS[0])
            for row, example in enumerate(examples)
            for name in self._digits
            for one in exchanges(example)
        ]
        found: list[dict[str, list[RatingPrompt]]] = [{} for _ in examples]
        for (row, name, _), ids in zip(texts, self._encode([text for _, _, text in texts]), strict=True):
            found[row].setdefault(name, []).append(RatingPrompt(name, ids, self._digits[name]))
        return [
            tuple(one for kind in kinds.values() if all(map(self._usable, kind)) for one in kind) for kinds in found
        ]

    def _usable(self, prompt: RatingPrompt) -> bool:
        return len(prompt.token_ids) <= self._max_length and prompt.token_ids[-1] == prompt.digits[0]


def _digits(name: str, encode: Encode) -> NDArray[np.int32]:
    """(6,) the tokens of 1 to 6 behind a prompt."""
    prompt = PROMPTS[name].format(instruction="a", output="a")
    ids = encode([prompt + digit for digit in DIGITS])
    last = np.array([one[-1] for one in ids], np.int32)
    same_before = all(np.array_equal(one[:-1], ids[0][:-1]) for one in ids)
    if not same_before or len(set(last.tolist())) < len(DIGITS):
        raise DataselectError(
            f"--rating {name} reads the probabilities of the digits 1 to 6, and this model's tokenizer does not write "
            "each as one token",
            "rate with another model, and give its folder to select as a further --scores; or import a judge's ratings",
        )
    return last
