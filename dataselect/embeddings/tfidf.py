"""TF-IDF + SVD as an encoder: the baseline without a model, seconds for thousands of texts on one core.

    w_t = (1 + ln tf_t) * (1 + ln((1 + n) / (1 + df_t))),   w divided by its length,   v = w V

V holds the first right singular vectors of the (n, terms) matrix of the fitted texts: the directions in which a pool
varies most (latent semantic analysis, Deerwester et al. 1990; the randomised solver of scikit-learn's `TruncatedSVD`,
Halko et al. 2011, arXiv 0909.4061). Choices that are fixed:

- A term is a run of letters and digits, lower case in NFKC, one character long too ("4" distinguishes sums); in
  scripts without spaces it is a character.
- No list of stop words: lists are of one language, and the weight does their work. A text of nothing else has a vector.
- Logarithm of counts, since texts differ in length by hundreds of times.
- The 50,000 most frequent terms, so that V is at most 50,000 * dim * 4 bytes (51 MB at 256).
- Directions whose singular value is rounding are left out: `dim` is at most the rank of the fitted matrix.
- The solver is seeded, and is called directly because `TruncatedSVD` refuses a single term.

The space is fitted on the pools of the run, never on the targets: these are placed in it, so that the same pool with
other targets has the same vectors. It is fitted on at most 50,000 examples, those whose ids have the smallest hashes: a
fixed random sample that does not depend on the order of the pool. Of each the first 20,000 characters are read for it.
Memory: these texts and the solver, which holds a few matrices of 266 numbers of 8 bytes per text and per term; beyond
the sample it does not grow with the pool. The fitted space is the file `tfidf.npz` of the run. A run that resumes reads
it, and the folder of a run may be named as an encoder, which places other texts in the same space.

A text without any known term, and one that the space does not see (what it keeps of the weights is shorter than 0.001)
have no vector: divided by its length, such a remainder would be rounding that looks like a direction. They count as
texts without a token (`no_token`).

Left out: centring, which would make the matrix dense, and n-grams of words.
"""

from __future__ import annotations

import hashlib
import heapq
import re
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from dataselect.artifacts import file_digest
from dataselect.embeddings.encoder import NO_LIMIT, SILENT, Pooling, Progress, refuse_pooling, unit
from dataselect.embeddings.texts import EmbedText, text_of
from dataselect.errors import ArtifactError, PoolError
from dataselect.library_errors import refused
from dataselect.pool import PoolReader
from dataselect.records import Example
from dataselect.registry import require
from dataselect.stage import StageDirectory, is_stage, read_finished

STATE = "tfidf.npz"
DIM = 256
"""Directions where none were asked for; 100 to 300 are usual for latent semantic analysis."""

FIT_TEXTS = 50_000
_FIT_CHARACTERS = 20_000
_UNSEEN = 1e-3
_NO_STATES = "has no states of tokens to pool"
MAX_TERMS = 50_000
_SEED = 0
_ROUNDING = 1e-6
"""Singular values below this share of the largest."""

_UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    "\U00020000-\U000323af"
)
"""Thai and Lao, Burmese, Khmer, kana, and Chinese characters."""

_MARKS = "\u0591-\u05c7\u064b-\u065f\u0900-\u0963\u0966-\u0dff"
"""Blocks whose vowel signs are no letters to Python: Hebrew and Arabic points, and the scripts of India."""

_TERM = re.compile(rf"[{_UNSPACED}]|(?:[^\W{_UNSPACED}]|[{_MARKS}])+")


def tfidf(pooling: Pooling | None = None, dim: int = DIM) -> TfidfEncoder:
    """TF-IDF + SVD, fitted on the pools: no model (scikit-learn; --dim).

    Raises:
        UsageError: If a pooling is given.
        MissingExtraError: If scikit-learn is not installed.
    """
    refuse_pooling("tfidf", pooling, _NO_STATES)
    require("sklearn", extra="embed")
    return TfidfEncoder("tfidf", dim)


def fitted_before(name: str, folder: Path, pooling: Pooling | None = None) -> TfidfEncoder:
    """The encoder of an earlier run, by its folder.

    Raises:
        UsageError: If a pooling is given.
        ArtifactError: If its file is damaged, or the run is not finished.
    """
    refuse_pooling(name, pooling, _NO_STATES)
    state = read_finished(folder, "embed").file(STATE) if is_stage(folder) else folder / STATE
    encoder = TfidfEncoder(name, DIM)
    encoder.space = TermSpace.load(state)
    encoder.digest = file_digest(state)
    return encoder


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

    def fit(self, pool: PoolReader, embed_text: EmbedText, stage: StageDirectory) -> None:
        """Fit the space on pools, or read it where a run that was stopped did.

        Args:
            stage: Of the run.

        Raises:
            PoolError: If no example has a term.
            ArtifactError: If the space cannot be written or read.
        """
        if self.digest is not None:
            return
        if not stage.intact(STATE):
            texts = [text for _, text in heapq.nsmallest(FIT_TEXTS, _keyed_texts(pool, embed_text))]
            if not any(map(terms_of, texts)):
                raise PoolError(
                    f"the pools should hold examples with words to embed, got {len(texts)} texts without any",
                    "check the file, the column options and --embed-text",
                )
            with stage.write(STATE) as temporary:
                TermSpace.fit(texts, self._dim).save(temporary)
        self.space = TermSpace.load(stage.path / STATE)

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

    def encode(self, texts: Sequence[str], progress: Progress = SILENT) -> NDArray[np.float32]:
        """(n, dim) unit vectors, in the order of the texts, each of at least one token."""
        vectors = unit(self._fitted.project(self._fitted.weights(texts)), self.name)
        progress(len(texts))
        return vectors

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


def terms_of(text: str) -> list[str]:
    """The terms of a text, in order, repeated ones too."""
    return _TERM.findall(unicodedata.normalize("NFKC", text).lower())


class TermSpace:
    """A fitted space.

    Args:
        terms: (t,) the terms that have a weight.
        idf: (t,) float32 inverse document frequencies.
        loadings: (t, dim) float32, the transpose of the singular vectors.
        num_texts: Texts that it was fitted on.
    """

    def __init__(
        self, terms: Sequence[str], idf: NDArray[np.float32], loadings: NDArray[np.float32], num_texts: int
    ) -> None:
        self.terms = tuple(terms)
        self.num_texts = num_texts
        self._idf = idf
        self._loadings = loadings
        self._vectorizer = _vectorizer(vocabulary=self.terms)
        self._vectorizer.idf_ = idf

    @property
    def dim(self) -> int:
        """Number of directions."""
        return int(self._loadings.shape[1])

    @classmethod
    def fit(cls, texts: Sequence[str], dim: int) -> TermSpace:
        """Fit a space.

        Args:
            texts: At least one of them with a term. Their order only shows in rounding.
            dim: Most directions.
        """
        extmath = require("sklearn.utils.extmath", extra="embed")
        vectorizer = _vectorizer(max_features=MAX_TERMS)
        weights = vectorizer.fit_transform(texts).astype(np.float64)
        _, sizes, directions = extmath.randomized_svd(weights, min(dim, *weights.shape), n_iter=5, random_state=_SEED)
        wanted = sizes > _ROUNDING * sizes[0]
        loadings = np.ascontiguousarray(directions[wanted].T, np.float32)
        return cls(vectorizer.get_feature_names_out().tolist(), vectorizer.idf_, loadings, len(texts))

    def weights(self, texts: Sequence[str]) -> Any:  # noqa: ANN401 - a SciPy sparse matrix
        """(n, t) sparse float32 rows of length 1, empty where a text has none of the terms."""
        return self._vectorizer.transform(texts) if texts else csr_array((0, len(self.terms)), dtype=np.float32)

    def project(self, weights: Any) -> NDArray[np.float32]:  # noqa: ANN401 - what `weights` gives
        """(n, dim) rows, their length the share of the weights that lies in the space."""
        projected: NDArray[np.float32] = weights @ self._loadings
        return projected

    def save(self, path: Path) -> None:
        """Write the space; the same space gives the same bytes."""
        terms = np.frombuffer("\n".join(self.terms).encode("utf-8"), np.uint8)  # no term holds a line break
        with path.open("wb") as file:
            np.savez(file, terms=terms, idf=self._idf, loadings=self._loadings, num_texts=self.num_texts)

    @classmethod
    def load(cls, path: Path) -> TermSpace:
        """Read a space that `save` wrote.

        Raises:
            ArtifactError: If it is missing or damaged.
        """
        try:
            with np.load(path, allow_pickle=False) as held:
                terms = held["terms"].tobytes().decode("utf-8").split("\n")
                return cls(terms, held["idf"], held["loadings"], int(held["num_texts"]))
        except (OSError, ValueError, KeyError, TypeError, EOFError, BadZipFile) as error:
            raise refused(error, f"cannot read {path}") or ArtifactError(
                f"{path} cannot be read: {error}", "make it again: dataselect embed POOL --encoder tfidf --out DIR"
            ) from None


def _vectorizer(**options: Any) -> Any:  # noqa: ANN401 - scikit-learn's options and class
    text = require("sklearn.feature_extraction.text", extra="embed")
    return text.TfidfVectorizer(analyzer=terms_of, sublinear_tf=True, dtype=np.float32, **options)
