"""What every encoder promises: texts in, one unit vector per text out.

The vector of a text depends on that text alone, up to float rounding: not on its neighbours, their order, or how they
are batched. A text longer than `max_tokens` is embedded by its beginning; whoever embeds counts these with
`count_tokens`. A text without a single token has no vector: it is not to be asked for, because a vector of special
tokens alone would look as real as any other.

Left out: prompts for queries as against documents. Pools and targets are embedded the same way.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from dataselect.embeddings.batches import BATCH_TOKENS, plan_batches
from dataselect.errors import DataselectError, UsageError

Pooling = Literal["mean", "weighted-mean", "last"]
"""How the states of tokens become one vector: equally weighted, by their position from 1, or the last token alone."""

NO_LIMIT = 2**31
"""Stands for the length of a text where an encoder reads all of it."""


class Encoder(Protocol):
    """Something that gives texts vectors. Weights are loaded on first need, so that `settings` is cheap.

    Attributes:
        name: As the user named it.
    """

    name: str

    @property
    def dim(self) -> int:
        """Length of a vector."""
        ...

    @property
    def max_tokens(self) -> int:
        """Most tokens of a text that are read, special tokens not counted."""
        ...

    def count_tokens(self, texts: Sequence[str]) -> NDArray[np.int64]:
        """(n,) tokens of each whole text, special tokens not counted."""
        ...

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """(n, dim) unit vectors, in the order of the texts.

        Args:
            texts: Any number of texts, each of at least one token.

        Raises:
            DataselectError: If the model gives a vector without a direction (zero, infinite or not a number).
        """
        ...

    def settings(self) -> dict[str, Any]:
        """What the vectors depend on, as plain values, for fingerprints and manifests; no path."""
        ...


def refuse_pooling(name: str, pooling: Pooling | None) -> None:
    """Refuse to pool otherwise what a model was trained to pool in one way.

    Raises:
        UsageError: If a pooling is given.
    """
    if pooling is not None:
        raise UsageError(
            f"the encoder {name} is a sentence-transformers model, whose pooling is its own, but got {pooling}",
            "leave --pooling out, or take a causal language model",
        )


def device() -> str:
    """Where encoders run: "cuda" where it is visible, else "cpu"."""
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def batches(num_tokens: NDArray[np.int64]) -> Iterator[list[int]]:
    """Indices of the texts of each batch, of like length and within the budget of tokens of the device.

    Vectors do not depend on it beyond float rounding, so it is in no fingerprint.

    Args:
        num_tokens: (n,) tokens of each text as the model reads it.
    """
    return plan_batches(num_tokens.tolist(), BATCH_TOKENS[device()])


def unit(vectors: NDArray[np.float32], name: str) -> NDArray[np.float32]:
    """Divide each row by its Euclidean length.

    Args:
        vectors: (n, dim).
        name: The encoder's name, for the message.

    Returns:
        (n, dim) float32, each row of length 1.

    Raises:
        DataselectError: If a row is zero or holds a number that is not finite.
    """
    wide = vectors.astype(np.float64)
    lengths = np.linalg.norm(wide, axis=1, keepdims=True)
    faulty = int(np.count_nonzero(~np.isfinite(lengths) | (lengths == 0.0)))
    if faulty:
        raise DataselectError(
            f"the encoder {name} gave {faulty} of {len(vectors)} texts a vector that is zero or not finite",
            "check its weights, or take another --encoder",
        )
    normalised: NDArray[np.float32] = (wide / lengths).astype(np.float32)
    return normalised


@contextmanager
def loading(name: str) -> Iterator[None]:
    """Turn what loading libraries raise for broken or unsupported model files into one error.

    Raises:
        DataselectError: In place of the library's error.
    """
    from safetensors import SafetensorError

    try:
        yield
    except (OSError, ValueError, KeyError, SafetensorError) as error:
        first = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise DataselectError(
            f"the encoder {name} cannot be loaded: {first}",
            "check that the folder is complete, with safetensors weights",
        ) from error
