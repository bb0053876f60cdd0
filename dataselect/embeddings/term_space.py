"""TF-IDF weights of a text, projected onto the directions in which a pool varies most (latent semantic analysis).

    w_t = (1 + ln tf_t) * (1 + ln((1 + n) / (1 + df_t))),   w divided by its length,   v = w V

V holds the first right singular vectors of the (n, terms) matrix of the fitted texts (Deerwester et al. 1990; the
randomised solver of scikit-learn's `TruncatedSVD`, Halko et al. 2011, arXiv 0909.4061). Choices that are fixed:

- A term is a run of letters and digits, lower case in NFKC, one character long too ("4" is what tells sums apart); in
  scripts without spaces it is a character.
- No list of stop words: lists are of one language, and the weight does their work. A text of nothing else has a vector.
- Logarithm of counts, since texts differ in length by hundreds of times.
- The 50,000 most frequent terms, so that V is at most 50,000 * dim * 4 bytes (51 MB at 256).
- Directions whose singular value is rounding are left out: `dim` is at most the rank of the fitted matrix.
- The solver is seeded, and is called directly because `TruncatedSVD` refuses a single term.

Left out: centring, which would make the matrix dense, and n-grams of words.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from dataselect.artifacts import atomic
from dataselect.errors import ArtifactError
from dataselect.registry import require

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
        """Write the space; the same space gives the same bytes.

        Raises:
            ArtifactError: If it cannot be written.
        """
        terms = np.frombuffer("\n".join(self.terms).encode("utf-8"), np.uint8)  # no term holds a line break
        with atomic(path) as temporary, temporary.open("wb") as file:
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
            raise ArtifactError(
                f"{path} cannot be read: {error}", "make it again: dataselect embed POOL --encoder tfidf --out DIR"
            ) from None


def _vectorizer(**options: Any) -> Any:  # noqa: ANN401 - scikit-learn's options and class
    text = require("sklearn.feature_extraction.text", extra="embed")
    return text.TfidfVectorizer(analyzer=terms_of, sublinear_tf=True, dtype=np.float32, **options)
