"""Multiple-choice items of mixed kind, of the sort that a very small language model has a chance at.

An item asks which of four texts answers a prompt: the assistant's first turn of a service dialogue, a function, the
first computation of a worked answer, a response to an instruction. One of the wrong choices answers another prompt of
that kind and is about as long, so that length decides little; the other two are the right one with six neighbouring
words out of order.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from quickstart_pool.draw import Draw
from quickstart_pool.example import Example

CHOICES = 4
_LONGEST = 300  # characters of a choice
_NEAREST = 5  # other texts that the wrong choices are drawn from


@dataclass(frozen=True)
class Choice:
    """One item: a question, the choices, and the position of the right one, from 0."""

    question: str
    choices: tuple[str, ...]
    answer: int

    def record(self, record_id: str) -> dict[str, object]:
        """The JSON record of the item."""
        return {"id": record_id, "question": self.question, "choices": list(self.choices), "answer": self.answer}


def make_choices(examples: Mapping[str, Sequence[Example]], draw: Draw) -> list[Choice]:
    """One item for each example, in random order, each answer position equally often.

    Args:
        examples: For each kind at least four that suit; over all kinds a multiple of four.
        draw: Decides positions, wrong choices and order.
    """
    count = sum(len(members) for members in examples.values())
    assert count % CHOICES == 0, f"{count} items cannot have balanced answers"
    answers = draw.shuffled([i % CHOICES for i in range(count)])
    items = []
    for members in examples.values():
        answered = [answer(example) for example in members]
        for example, right in zip(members, answered, strict=True):
            others = sorted(
                {text for text in answered if text != right}, key=lambda text: (abs(len(text) - len(right)), text)
            )
            choices = draw.shuffled([draw.pick(others[:_NEAREST]), *_disordered(right, CHOICES - 2, draw)])
            position = answers.pop()
            choices.insert(position, right)
            items.append(Choice(_question(example), tuple(choices), position))
    return draw.shuffled(items)


def suits_choice(example: Example) -> bool:
    """Whether the text that is asked for has at least six words and is not too long."""
    text = answer(example)
    return len(text) <= _LONGEST and len(_stretches(text)) >= 1


def answer(example: Example) -> str:
    """The text that an item asks for: of a worked answer, the first line that computes something."""
    said = example.responses[0]
    if example.kind == "arithmetic":
        return next(line for line in said.split("\n") if " = " in line)
    return said


def _question(example: Example) -> str:
    """What is answered: of a dialogue, the first thing that the caller says."""
    if example.kind == "dialogue":
        return next(turn.content for turn in example.turns if turn.role == "user")
    return example.prompt


def _stretches(text: str) -> list[re.Match[str]]:
    """The places in a text where six words follow each other on a line, four of them different."""
    found = re.finditer(r"\S+(?: \S+){5}", text)
    return [match for match in found if len(set(match.group().split(" "))) > 3]


def _disordered(text: str, count: int, draw: Draw) -> list[str]:
    """`count` different versions of the text, each with six neighbouring words in another order."""
    versions: list[str] = []
    while len(versions) < count:
        stretch = draw.pick(_stretches(text))
        mixed = " ".join(draw.shuffled(stretch.group().split(" ")))
        version = text[: stretch.start()] + mixed + text[stretch.end() :]
        if version not in (text, *versions):
            versions.append(version)
    return versions
