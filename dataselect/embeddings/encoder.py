"""The interface of encoders: texts in, one unit vector per text out; and what several of them need.

The vector of a text depends on that text alone, up to float rounding: not on its neighbours, their order, or how they
are batched. A text longer than `max_tokens` is embedded by its beginning; the caller counts these with `count_tokens`.
A text without a single token has no vector: callers leave it out, because a vector of special tokens alone would look
as real as any other.

Batches hold texts of similar length, so that little of what an encoder computes is padding. Scoring needs none of this,
since it lays sequences end to end (`backends.packing`).

Left out: prompts for queries as against documents. Pools and targets are embedded the same way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from dataselect.errors import DataselectError, UsageError
from dataselect.library_errors import loading

Pooling = Literal["mean", "weighted-mean", "last"]
"""How token states are pooled into one vector: equally weighted, by position from 1, or the last token alone."""

Progress = Callable[[int], object]
"""Called with the number of texts, or of records, that were just done."""

SILENT: Progress = lambda done: None  # noqa: E731
OWN_POOLING = "is a sentence-transformers model, whose pooling is its own"
"""Why the sentence-transformers encoders take no other pooling."""

NO_LIMIT = 2**31
"""The limit of an encoder that reads all of a text."""

BATCH_TOKENS = {"cpu": 1024, "cuda": 32768}
"""Padded tokens at once. More on a CPU is slower: activations leave its cache."""


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

    def encode(self, texts: Sequence[str], progress: Progress = SILENT) -> NDArray[np.float32]:
        """(n, dim) unit vectors, in the order of the texts.

        Args:
            texts: Any number of texts, each of at least one token.
            progress: Called with the number of texts that were just done, batch by batch.

        Raises:
            DataselectError: If the model gives a vector without a direction (zero, infinite or not a number).
        """
        ...

    def settings(self) -> dict[str, Any]:
        """Everything that the vectors depend on, as plain values, for fingerprints and manifests; no path."""
        ...


def refuse_pooling(name: str, pooling: Pooling | None, reason: str) -> None:
    """Refuse a pooling for an encoder that does not pool, or in one way only.

    Args:
        reason: Why, as a clause about the encoder.

    Raises:
        UsageError: If a pooling is given.
    """
    if pooling is not None:
        raise UsageError(
            f"the encoder {name} {reason}, but got {pooling}", "leave --pooling out, or take a causal language model"
        )


def count_tokens(tokenizer: Any, texts: Sequence[str]) -> NDArray[np.int64]:  # noqa: ANN401 - transformers' class
    """(n,) tokens of each whole text, special tokens not counted."""
    plain = {"add_special_tokens": False, "truncation": False, "padding": False, "verbose": False}
    ids = tokenizer(list(texts), **plain)["input_ids"] if texts else []
    return np.array([len(one) for one in ids], np.int64)


def device() -> str:
    """The device of encoders: "cuda" where it is visible, else "cpu"."""
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


def loading_encoder(name: str) -> AbstractContextManager[None]:
    """Turn the errors of libraries about broken or unsupported model files into one error; see `loading`."""
    return loading(f"the encoder {name}", "check that the folder is complete, with safetensors weights")


def plan_batches(lengths: Sequence[int], batch_tokens: int) -> Iterator[list[int]]:
    """Indices of each batch: longest first, each at most `batch_tokens` padded tokens, or one text.

    Args:
        lengths: Tokens of each text.
    """
    batch: list[int] = []
    for index in sorted(range(len(lengths)), key=lambda i: (-lengths[i], i)):
        if batch and lengths[batch[0]] * (len(batch) + 1) > batch_tokens:
            yield batch
            batch = []
        batch.append(index)
    if batch:
        yield batch
