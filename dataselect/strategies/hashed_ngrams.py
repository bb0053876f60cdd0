"""Counts of words and word n-grams of a text, hashed into a fixed number of buckets.

    words    of the lower-cased text: runs of letters, digits and underscores, and runs of other characters that are no
             white space (the rule known as WordPunct)
    n-grams  each run of 2, 3 ... words, joined by spaces, beside the single words
    bucket   sha256 of the UTF-8 text as one number, modulo the number of buckets

The hash is that of the authors of DSIR, so that buckets are the same on every machine and in every run; 'alice' falls
into bucket 6720 of 10,000. Different n-grams may share a bucket; what is compared are buckets.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

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
    parts = [_buckets(_WORDS.findall(text.lower()), longest, bucket) for text in texts]
    starts = np.cumsum([0, *map(len, parts)], dtype=np.int64)
    return HashedNgrams(np.concatenate([np.zeros(0, np.int32), *parts]), starts, size)


def _buckets(words: Sequence[str], longest: int, bucket: Callable[[str], int]) -> NDArray[np.int32]:
    found = [bucket(word) for word in words]
    for length in range(2, longest + 1):
        found += [bucket(" ".join(words[i : i + length])) for i in range(len(words) - length + 1)]
    return np.array(found, np.int32)
