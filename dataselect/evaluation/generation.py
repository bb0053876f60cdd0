"""How answers are written in tasks in which the model writes them: how long they may be, and what stands before them.

Left out: sampling. Answers are greedy, so that one model gives one outcome per item.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dataselect.errors import DataselectError, UsageError
from dataselect.records import Message

_SEED = 0


@dataclass(frozen=True, slots=True)
class GenerationOptions:
    """How answers are written.

    Attributes:
        max_new_tokens: Most tokens of an answer.
        shots: Solved questions that are shown before each item.
        shots_from: File that they are drawn from; None where there are none.

    Raises:
        UsageError: If there are shots and no file to draw them from, or the other way round, or a number is not usable.
    """

    max_new_tokens: int = 512
    shots: int = 0
    shots_from: Path | None = None

    def __post_init__(self) -> None:
        if self.max_new_tokens < 1 or self.shots < 0:
            raise UsageError(
                f"answers need at least 1 token and 0 shots, got {self.max_new_tokens} and {self.shots}", "give more"
            )
        if bool(self.shots) != (self.shots_from is not None):
            raise UsageError(
                "shots need a number and a file that they are drawn from", "give both --shots N and --shots-from FILE"
            )
        if self.shots_from is not None and not self.shots_from.is_file():
            raise UsageError(f"--shots-from {self.shots_from} is not a file", "give a file of {question, answer}")


DEFAULTS = GenerationOptions()


@dataclass(frozen=True, slots=True)
class Solved:
    """A question with its answer."""

    question: str
    answer: str


def draw_shots(solved: Sequence[Solved], asked: Sequence[str], number: int, origin: Path) -> tuple[Message, ...]:
    """Draw solved questions, the same for every item, as earlier turns of the conversation.

    A question that the task asks is never shown with its answer.

    Args:
        solved: What to draw from.
        asked: The questions of the task.

    Raises:
        DataselectError: If there are not enough.
    """
    known = set(asked)
    usable = [one for one in solved if one.question not in known]
    if len(usable) < number:
        message = f"{origin} has {len(usable)} questions that the task does not ask, but {number} shots are wanted"
        raise DataselectError(message, "draw them from the training file of the benchmark")
    chosen = np.random.default_rng(_SEED).choice(len(usable), number, replace=False)
    turns = ((Message("user", usable[i].question), Message("assistant", usable[i].answer)) for i in chosen)
    return tuple(message for pair in turns for message in pair)
