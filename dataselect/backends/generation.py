"""What a backend that writes text promises: prompts in, the most likely next token after each, again and again.

Greedy decoding and nothing else: no sampling, no penalties, whatever the model's own generation settings say, so that
an outcome is that of the model and not of a draw. The answer to a prompt depends on that prompt alone, up to rounding:
where two tokens are as good as equally likely, backends and batches may go different ways.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from dataselect.backends.contract import Tick

TokenIds = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Generated:
    """What a model wrote after one prompt.

    Attributes:
        ids: (n_tokens,) int32, without the token that ended it.
        ended: Whether the model ended it; False where it was cut off at the most tokens.
    """

    ids: TokenIds
    ended: bool


@runtime_checkable
class Generator(Protocol):
    """A language model that writes on from given tokens."""

    def generate(
        self,
        prompts: Sequence[TokenIds],
        max_new_tokens: int,
        stop: Collection[int],
        tick: Tick = lambda done: None,
    ) -> list[Generated]:
        """Write on from prompts, greedily; the answers are in the order of the prompts.

        Args:
            prompts: Token ids, of 1 to `max_length` tokens each.
            max_new_tokens: Most tokens per answer; fewer where the model's positions end before that.
            stop: Token ids that end an answer.
            tick: Called with the number of prompts that were just finished.

        Raises:
            BatchTooLargeError: If the device ran out of memory.
            EngineDiedError: If the engine is gone.
        """
        ...


def room(prompt: TokenIds, max_new_tokens: int, max_length: int) -> int:
    """The most tokens that may follow a prompt; the last one of all takes no position of its own behind it."""
    return min(max_new_tokens, max_length + 1 - len(prompt))


def cut(ids: Sequence[int], stop: Collection[int]) -> Generated:
    """The tokens before the first that ends an answer."""
    end = next((place for place, token in enumerate(ids) if token in stop), len(ids))
    return Generated(np.array(ids[:end], np.int32), end < len(ids))
