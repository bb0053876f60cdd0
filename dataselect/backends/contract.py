"""What every backend promises: token ids in, log-probabilities of the same tokens out.

The result for a sequence depends on that sequence alone: not on its neighbours, their order, or how they are batched.
Log-softmax is taken in float32 whatever the model's dtype. A backend never sees text, parts or statuses, and never
decides what a failure means: it says which of two known faults happened, and the caller asks for less, or starts again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from dataselect.records import TokenScores

Tick = Callable[[int], None]
"""Called with a number of finished sequences, for progress bars."""


class BatchTooLargeError(RuntimeError):
    """The device ran out of memory. The backend still works: ask again with fewer tokens at once."""


class EngineDiedError(RuntimeError):
    """The process that runs the model is gone. This backend is of no more use: load another."""


@dataclass(frozen=True, slots=True)
class TokenSequence:
    """One sequence to score.

    Attributes:
        ids: (n_tokens,) int32 token ids, at most the backend's `max_length`.
        start: Index of the first token whose log-probability is wanted, at least 1: the token at index 0 has none.
    """

    ids: NDArray[np.int32]
    start: int = 1


def check_ids(sequences: Sequence[TokenSequence], vocabulary: int) -> None:
    """Refuse token ids that the model has no weights for: on a GPU, or in vLLM, they would end the engine.

    Raises:
        ValueError: If there is one.
    """
    largest = max((int(sequence.ids.max()) for sequence in sequences if len(sequence.ids)), default=0)
    if largest >= vocabulary:
        raise ValueError(f"token id {largest} is not among the model's {vocabulary}")


@dataclass(frozen=True, slots=True)
class BackendOptions:
    """How a model is run. Plain values, so that they travel to other processes.

    Attributes:
        dtype: `auto` (float32 on CPU, bfloat16 on GPU) or a dtype's name.
        batch_tokens: Most tokens computed at once; None for the backend's own default.
        max_length: Longest sequence; None for the model's positions minus 1.
        engine_args: Further arguments of the engine, by its own names.
        server: Address of an OpenAI-compatible server, up to and without `/completions`; for the backend `server`.
        served_model: Name of the model on that server; None for the only one it serves.
    """

    dtype: str = "auto"
    batch_tokens: int | None = None
    max_length: int | None = None
    engine_args: Mapping[str, Any] = field(default_factory=dict)
    server: str | None = None
    served_model: str | None = None


class Backend(Protocol):
    """A language model that gives log-probabilities of given tokens.

    Attributes:
        name: "transformers", "vllm" or "server".
        max_length: Longest sequence it takes: the model's positions minus 1.
        batch_tokens: Most tokens it computes at once, unless a call says less.
    """

    name: str
    max_length: int
    batch_tokens: int

    def score(
        self,
        sequences: Sequence[TokenSequence],
        ranks: bool = True,
        tick: Tick = lambda done: None,
        batch_tokens: int | None = None,
    ) -> list[TokenScores]:
        """Score sequences; the answers are in the order of the questions.

        Args:
            sequences: Any number of sequences, of any lengths up to `max_length`.
            ranks: Whether ranks are wanted too; without them every rank is 0.
            tick: Called with the number of sequences that were just finished.
            batch_tokens: Most tokens computed at once in this call; None for the backend's own.

        Raises:
            BatchTooLargeError: If the device ran out of memory.
            EngineDiedError: If the engine is gone.
        """
        ...

    def stop(self) -> None:
        """Free what the model holds; calling it again does nothing."""
        ...
