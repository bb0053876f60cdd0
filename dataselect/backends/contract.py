"""What every backend promises: token ids in, log-probabilities of the same tokens out.

The result for a sequence depends on that sequence alone: not on its neighbours, their order, or how they are batched.
Log-softmax is taken in float32 whatever the model's dtype. A backend never sees text, parts or statuses.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from dataselect.records import TokenScores

Tick = Callable[[int], None]
"""Called with a number of finished sequences, for progress bars."""


@dataclass(frozen=True, slots=True)
class TokenSequence:
    """One sequence to score.

    Attributes:
        ids: (n_tokens,) int32 token ids, at most the backend's `max_length`.
        start: Index of the first token whose log-probability is wanted, at least 1: the token at index 0 has none.
    """

    ids: NDArray[np.int32]
    start: int = 1


class Backend(Protocol):
    """A language model that gives log-probabilities of given tokens.

    Attributes:
        name: "transformers" or "vllm".
        max_length: Longest sequence it takes: the model's positions minus 1.
    """

    name: str
    max_length: int

    def score(
        self, sequences: Sequence[TokenSequence], ranks: bool = True, tick: Tick = lambda done: None
    ) -> list[TokenScores]:
        """Score sequences; the answers are in the order of the questions.

        Args:
            sequences: Any number of sequences, of any lengths up to `max_length`.
            ranks: Whether ranks are wanted too; without them every rank is 0.
            tick: Called with the number of sequences that were just finished.
        """
        ...
