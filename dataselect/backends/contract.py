"""The contract of every backend: token ids in, log-probabilities of the same tokens out, or greedy answers.

The result for a sequence depends on that sequence alone: not on its neighbours, their order, or how they are batched.
Log-softmax is taken in float32 whatever the model's dtype. A backend never sees text, parts or statuses, and never
decides what a failure means: it reports which of two known faults happened, and the caller asks for less, or restarts.

Decoding is greedy and nothing else: no sampling, no penalties, whatever the model's own generation settings say, so
that an outcome is that of the model and not of a draw. Where two tokens are as good as equally likely, backends and
batches may continue differently.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from dataselect.models import max_positions
from dataselect.records import TokenScores

Tick = Callable[[int], None]
"""Called with a number of finished sequences, for progress bars."""


class BatchTooLargeError(RuntimeError):
    """The device ran out of memory. The backend still works: ask again with fewer tokens at once."""


class EngineDiedError(RuntimeError):
    """The process that runs the model has ended. This backend cannot be used any longer: load another."""


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
    """Refuse token ids that the model has no weights for: on a GPU, or in vLLM, they would crash the engine.

    Raises:
        ValueError: If there is one.
    """
    largest = max((int(sequence.ids.max()) for sequence in sequences if len(sequence.ids)), default=0)
    if largest >= vocabulary:
        raise ValueError(f"token id {largest} is not among the model's {vocabulary}")


@dataclass(frozen=True, slots=True)
class BackendOptions:
    """Options for running a model. Plain values, so that they can be sent to other processes.

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

    def longest(self, model: Path) -> int:
        """Return the longest sequence that a backend takes of the model in a folder."""
        return self.max_length or max_positions(model) - 1


def unscored(tokens: int) -> TokenScores:
    """Return scores of a sequence before any is filled in: NaN, and rank 0."""
    return TokenScores(np.full(tokens, np.nan, np.float32), np.zeros(tokens, np.int32))


class Backend(Protocol):
    """A language model that gives log-probabilities of given tokens.

    Attributes:
        name: "transformers", "vllm" or "server".
        max_length: Longest sequence it takes: the model's positions minus 1.
        batch_tokens: Most tokens it computes at once, unless a call says less.
        alone: The reason why it computes one sequence at a time, which is slow; None if sequences share a batch.
    """

    name: str
    max_length: int
    batch_tokens: int
    alone: str | None

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
            EngineDiedError: If the engine has ended.
        """
        ...

    def stop(self) -> None:
        """Free what the model holds; calling it again does nothing."""
        ...


TokenIds = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Generated:
    """A model's answer to one prompt.

    Attributes:
        ids: (n_tokens,) int32, without the token that ended it.
        ended: Whether the model ended it; False where it was cut off at the most tokens.
    """

    ids: TokenIds
    ended: bool


@runtime_checkable
class Generator(Protocol):
    """A language model that continues given tokens."""

    def generate(
        self,
        prompts: Sequence[TokenIds],
        max_new_tokens: int,
        stop: Collection[int],
        tick: Tick = lambda done: None,
    ) -> list[Generated]:
        """Continue prompts greedily; the answers are in the order of the prompts.

        Args:
            prompts: Token ids, of 1 to `max_length` tokens each.
            max_new_tokens: Most tokens per answer; fewer where the model's positions end before that.
            stop: Token ids that end an answer.
            tick: Called with the number of prompts that were just finished.

        Raises:
            BatchTooLargeError: If the device ran out of memory.
            EngineDiedError: If the engine has ended.
        """
        ...


def room(prompt: TokenIds, max_new_tokens: int, max_length: int) -> int:
    """Return the most tokens that may follow a prompt; the last token of all needs no position after it."""
    return min(max_new_tokens, max_length + 1 - len(prompt))


def cut(ids: Sequence[int], stop: Collection[int]) -> Generated:
    """Cut an answer before the first token that ends it."""
    end = next((place for place, token in enumerate(ids) if token in stop), len(ids))
    return Generated(np.array(ids[:end], np.int32), end < len(ids))
