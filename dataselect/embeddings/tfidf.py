"""TF-IDF + SVD as an encoder: the baseline without a model, seconds for thousands of texts on one core.

The space (`term_space`) is fitted on the pools of the run, never on the targets: these are placed in it, so that the
same pool with other targets has the same vectors. It is fitted on at most 50,000 examples, those whose ids have the
smallest hashes: a fixed random sample that does not depend on the order of the pool. Of each the first 20,000
characters are read for it. Memory: these texts and the solver, which holds a few matrices of 266 numbers of 8 bytes per
text and per term; beyond the sample it does not grow with the pool.

The fitted space is the file `tfidf.npz` of the run. A run that goes on after a stop reads it; and the folder of a run
may be named as an encoder, which places other texts in the same space.

A text without any known term, and one that the space does not see (what it keeps of the weights is shorter than 0.001)
have no vector: divided by its length, such a remainder would be rounding that looks like a direction. They count as
texts without a token (`no_token`).
"""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dataselect.artifacts import file_digest
from dataselect.embeddings.encoder import NO_LIMIT, Encoder, Pooling, unit
from dataselect.embeddings.term_space import MAX_TERMS, TermSpace, terms_of
from dataselect.embeddings.texts import EmbedText, text_of
from dataselect.errors import PoolError, UsageError
from dataselect.pool import PoolReader
from dataselect.records import Example
from dataselect.registry import require

STATE = "tfidf.npz"
DIM = 256
"""Directions where none were asked for; 100 to 300 are usual for latent semantic analysis."""

FIT_TEXTS = 50_000
_FIT_CHARACTERS = 20_000
_UNSEEN = 1e-3


def tfidf(pooling: Pooling | None = None, dim: int = DIM) -> TfidfEncoder:
    """TF-IDF + SVD, fitted on the pools: no model (scikit-learn; --dim).

    Raises:
        UsageError: If a pooling is given.
        MissingExtraError: If scikit-learn is not installed.
    """
    _refuse_pooling("tfidf", pooling)
    require("sklearn", extra="embed")
    return TfidfEncoder("tfidf", dim)


def fitted_before(name: str, folder: Path, pooling: Pooling | None = None) -> TfidfEncoder:
    """The encoder of an earlier run, by its folder.

    Raises:
        UsageError: If a pooling is given.
        ArtifactError: If its file is damaged.
    """
    _refuse_pooling(name, pooling)
    encoder = TfidfEncoder(name, DIM)
    encoder.space = TermSpace.load(folder / STATE)
    encoder.digest = file_digest(folder / STATE)
    return encoder


def require_one_space(encoder: Encoder) -> None:
    """Refuse an encoder that every run fits anew, where vectors of several runs are compared.

    Raises:
        UsageError: If it is one.
    """
    if isinstance(encoder, TfidfEncoder) and encoder.digest is None:
        raise UsageError(
            "the encoder tfidf is fitted by each embedding run, so that vectors of several runs cannot be compared",
            "dataselect embed POOL... --encoder tfidf --out DIR fits one for all pools; then give --encoder DIR",
        )


def _refuse_pooling(name: str, pooling: Pooling | None) -> None:
    if pooling is not None:
        raise UsageError(
            f"the encoder {name} has no states of tokens to pool, but got {pooling}",
            "leave --pooling out, or take a causal language model",
        )


class TfidfEncoder:
    """An `Encoder` that is fitted before it encodes.

    Args:
        name: As the user named it.
        dim: Most directions; there are fewer where the fitted texts have fewer.

    Attributes:
        space: Where texts are placed; None until fitted.
        digest: sha256 of the file of the earlier run that fitted it; None if this run does.
    """

    def __init__(self, name: str, dim: int) -> None:
        self.name = name
        self.space: TermSpace | None = None
        self.digest: str | None = None
        self._dim = dim

    def fit(self, pool: PoolReader, embed_text: EmbedText, folder: Path) -> None:
        """Fit the space on pools, or read it where a run that was stopped did.

        Args:
            folder: Of the run.

        Raises:
            PoolError: If no example has a term.
            ArtifactError: If the space cannot be written or read.
        """
        if self.digest is not None:
            return
        if not (folder / STATE).exists():
            texts = [text for _, text in heapq.nsmallest(FIT_TEXTS, _keyed_texts(pool, embed_text))]
            if not any(map(terms_of, texts)):
                raise PoolError(
                    f"the pools should hold examples with words to embed, got {len(texts)} texts without any",
                    "check the file, the column options and --embed-text",
                )
            TermSpace.fit(texts, self._dim).save(folder / STATE)
        self.space = TermSpace.load(folder / STATE)

    @property
    def _fitted(self) -> TermSpace:
        assert self.space is not None, "encoded before it was fitted"
        return self.space

    @property
    def dim(self) -> int:
        """Length of a vector."""
        return self._fitted.dim

    @property
    def max_tokens(self) -> int:
        """Texts are read whole."""
        return NO_LIMIT

    def count_tokens(self, texts: Sequence[str]) -> NDArray[np.int64]:
        """(n,) different known terms of each text; 0 if the space does not see it."""
        weights = self._fitted.weights(texts)
        seen = np.linalg.norm(self._fitted.project(weights), axis=1) >= _UNSEEN
        counts: NDArray[np.int64] = np.where(seen, np.diff(weights.indptr), 0).astype(np.int64)
        return counts

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """(n, dim) unit vectors, in the order of the texts, each of at least one token."""
        return unit(self._fitted.project(self._fitted.weights(texts)), self.name)

    def settings(self) -> dict[str, Any]:
        """Kind, and how it is fitted, or a digest of the space that was fitted before."""
        if self.digest is not None:
            return {"kind": "tfidf-svd", "digest": self.digest}
        return {"kind": "tfidf-svd", "components": self._dim, "max_terms": MAX_TERMS, "fit_texts": FIT_TEXTS}


def _keyed_texts(pool: PoolReader, embed_text: EmbedText) -> Iterator[tuple[bytes, str]]:
    """The texts of a pool, each after a hash of its id."""
    for record in pool:
        if isinstance(record, Example) and (text := text_of(record, embed_text)):
            yield hashlib.sha256(record.id.encode("utf-8", "surrogatepass")).digest(), text[:_FIT_CHARACTERS]
