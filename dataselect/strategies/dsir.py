"""DSIR: draw rows so that their words are spread as in the target set.

With c_t and c_p the counts of hashed n-grams of the targets and of the candidates (N_t, N_p in all, B buckets) and s
the smoothing:

    p_t = (c_t + s) / (N_t + s B)       p_p = c_p / N_p
    log weight of a text = sum over its n-grams of log(p_t + 1e-8) - log(p_p + 1e-8)

Rule: log weight plus Gumbel noise, descending, which draws without replacement in proportion to the weights. Paper: Xie
et al. 2023, "Data Selection for Language Models via Importance Resampling" (arXiv 2302.03169), with the features, the
hash and the formula of its authors' package. Direction: high. Nesting: yes, since one draw of noise orders all rows.
The score is the log weight with its noise.

All target files make one target, as in the package by default. Its default is s = 0; here it is 1: a target
of some hundred examples leaves most buckets empty, and with s = 0 an n-gram of an empty bucket costs about 9 nats (log
1e-8 - log 1e-4), so that the shortest rows win. (Of 500 GSM8K problems among 5,000 Alpaca rows, with 100 others as
target, 94 % are in the first 500 with s = 1 and 16 % with s = 0; with 1,319 as target 98 % with both. Below some 5,000
n-grams of target s = 0.1 does better.) A sum over n-grams grows with the text: long rows come first or last, and the
noise, of a standard deviation of 1.3 nats, hardly moves them. Left out: the package's limit to texts of 100 words or
more, made for web pages. A row without a word is not ranked.

The n-grams are hashed into buckets:

    words    of the lower-cased text: runs of letters, digits and underscores, and runs of other characters that are no
             white space (the rule known as WordPunct)
    n-grams  each run of 2, 3 ... words, joined by spaces, beside the single words
    bucket   sha256 of the UTF-8 text as one number, modulo the number of buckets

The hash is that of the authors of DSIR, so that buckets are the same on every machine and in every run; 'alice' falls
into bucket 6720 of 10,000. Different n-grams may share a bucket.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from dataselect.errors import DataselectError
from dataselect.progress import counted
from dataselect.records import Ranking
from dataselect.strategies.contract import Candidates, Needs, Text
from dataselect.strategies.ordering import ascending

FLOOR = 1e-8
"""Added to probabilities, so that the logarithm of an empty bucket is finite."""

Part = Literal["both", "prompt", "response"]
_NAMES = {"both": "prompt and response", "prompt": "prompt", "response": "response"}


@dataclass(frozen=True, slots=True)
class Dsir:
    """Importance resampling on hashed n-grams.

    Attributes:
        text: The part of a row and of a target that is read.
        buckets: Number of buckets.
        ngrams: Words of the longest n-gram.
        smoothing: Pseudo-count of each bucket of the targets.
    """

    summary: ClassVar[str] = "drawn so that words and word pairs are spread as in the target set"
    paper: ClassVar[str] = "arXiv 2302.03169"
    nests: ClassVar[bool] = True
    by_score: ClassVar[bool] = False
    needs: ClassVar[Needs] = Needs(texts=True, target_texts=True)

    text: Part = "both"
    buckets: int = 10_000
    ngrams: int = 2
    smoothing: float = 1.0

    def __post_init__(self) -> None:
        if self.buckets < 1 or self.ngrams < 1:
            raise ValueError(f"buckets, ngrams: expected at least 1, got {self.buckets} and {self.ngrams}")
        if not 0 <= self.smoothing < float("inf"):
            raise ValueError(f"smoothing: expected 0 or more, got {self.smoothing}")

    def rank(self, candidates: Candidates, rng: np.random.Generator) -> Ranking:
        """Draw all candidates that have a word; the score is the log weight with its noise.

        Raises:
            DataselectError: If the targets have not one word in what is read of them.
        """
        pool, target = self._ngrams(candidates.texts), self._ngrams(candidates.target_texts)
        if not len(target.buckets):
            raise DataselectError(
                f"the {len(candidates.target_texts):,} targets have no word in their {_NAMES[self.text]}",
                "give other --target files, or another --param text=both|prompt|response",
            )
        noisy = log_weights(pool, target, self.smoothing) + rng.gumbel(size=len(candidates))
        return ascending(-noisy, noisy)

    def _ngrams(self, texts: Sequence[Text]) -> HashedNgrams:
        return hashed_ngrams((_part(text, self.text) for text in texts), self.ngrams, self.buckets)


def log_weights(pool: HashedNgrams, target: HashedNgrams, smoothing: float) -> NDArray[np.float64]:
    """Log importance weight of each text of the pool.

    Returns:
        (n,), NaN for a text without an n-gram.
    """
    gain = np.log(probabilities(target, smoothing) + FLOOR) - np.log(probabilities(pool, 0.0) + FLOOR)
    weights = np.full(len(pool.lengths), np.nan)
    for text in np.flatnonzero(pool.lengths):
        weights[text] = gain[pool.buckets[pool.starts[text] : pool.starts[text + 1]]].sum()
    return weights


def probabilities(ngrams: HashedNgrams, smoothing: float) -> NDArray[np.float64]:
    """(size,) share of each bucket, after `smoothing` was added to every count."""
    counts = ngrams.counts + smoothing
    shares: NDArray[np.float64] = counts / max(counts.sum(), 1.0)  # without any n-gram, nothing is shared
    return shares


def _part(text: Text, part: Part) -> str:
    return f"{text.prompt}\n\n{text.response}" if part == "both" else str(getattr(text, part))


_WORDS = re.compile(r"\w+|[^\w\s]+")
_KNOWN = 2**20
"""N-grams whose bucket is remembered: most of a text is made of few."""


@dataclass(frozen=True, slots=True)
class HashedNgrams:
    """The n-grams of n texts.

    Attributes:
        buckets: (t,) int32, bucket of each n-gram, text after text.
        starts: (n + 1,) int64, where each text begins in `buckets`; the last is t.
        size: Number of buckets.
    """

    buckets: NDArray[np.int32]
    starts: NDArray[np.int64]
    size: int

    @property
    def counts(self) -> NDArray[np.int64]:
        """(size,) n-grams in each bucket, all texts together."""
        return np.bincount(self.buckets, minlength=self.size)

    @property
    def lengths(self) -> NDArray[np.int64]:
        """(n,) n-grams of each text."""
        return np.diff(self.starts)


def bucket_of(text: str, size: int) -> int:
    """The bucket of one n-gram."""
    return int.from_bytes(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest(), "big") % size


def hashed_ngrams(texts: Iterable[str], longest: int, size: int) -> HashedNgrams:
    """Hash all n-grams of up to `longest` words of each text.

    Args:
        size: Number of buckets.
    """
    bucket = lru_cache(maxsize=_KNOWN)(lambda text: bucket_of(text, size))
    parts = [_buckets(_WORDS.findall(text.lower()), longest, bucket) for text in counted(texts, "hash", "texts")]
    starts = np.cumsum([0, *map(len, parts)], dtype=np.int64)
    return HashedNgrams(np.concatenate([np.zeros(0, np.int32), *parts]), starts, size)


def _buckets(words: Sequence[str], longest: int, bucket: Callable[[str], int]) -> NDArray[np.int32]:
    found = [bucket(word) for word in words]
    for length in range(2, longest + 1):
        found += [bucket(" ".join(words[i : i + length])) for i in range(len(words) - length + 1)]
    return np.array(found, np.int32)
