"""Rows that share most of their word 5-grams with a row that ranks higher.

Two texts are near-duplicates if the Jaccard similarity of their sets of word 5-grams (of the whole text where it is
shorter) is at least the threshold. Candidates come from locality-sensitive hashing of MinHash signatures (Broder 1997;
the package `datasketch`), and each is verified on the sets themselves: no row is dropped that does not qualify. Bands
are chosen so that a pair at the threshold is overlooked less than once in a thousand times, and a closer one even less.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from dataselect.registry import require
from dataselect.selection.wording import tokens, whole
from dataselect.strategies import Text

SHINGLE = 5
PERMUTATIONS = 128
_OVERLOOKED = 1e-3
_REMEMBERED = 8192
"""Texts whose shingles are not made again when they are a candidate: some 100 MiB."""


def near_duplicates(texts: Sequence[Text], order: NDArray[np.int64], threshold: float) -> dict[int, int]:
    """Rows that resemble a row before them which is kept.

    Args:
        texts: (n_pool,) what each row says.
        order: (n_ranked,) rows, best first.
        threshold: Least Jaccard similarity, above 0 and at most 1.

    Returns:
        row -> the kept row that it resembles most; of equals the one that ranks highest.

    Raises:
        MissingExtraError: If datasketch is not installed.
    """
    datasketch = require("datasketch", extra="dedup")
    index = datasketch.MinHashLSH(num_perm=PERMUTATIONS, params=bands(threshold))
    rows: list[int] = order.tolist()
    shingles_of = lru_cache(_REMEMBERED)(lambda place: shingles(texts[rows[place]]))
    shadowed: dict[int, int] = {}
    for place, row in enumerate(rows):
        own = shingles_of(place)
        if not own:
            continue
        signature = datasketch.MinHash(num_perm=PERMUTATIONS, hashfunc=zlib.crc32)
        signature.update_batch([shingle.encode("utf-8", "surrogatepass") for shingle in own])
        likeness = {near: jaccard(own, shingles_of(near)) for near in sorted(index.query(signature))}
        nearest = max(likeness, key=likeness.__getitem__, default=None)
        if nearest is not None and likeness[nearest] >= threshold:
            shadowed[row] = rows[nearest]
        else:
            index.insert(place, signature, check_duplication=False)
    return shadowed


def shingles(text: Text) -> set[str]:
    """The word 5-grams of a text; the whole text where it has fewer words; none where it has no word."""
    words = tokens(whole(text))
    return {" ".join(words[start : start + SHINGLE]) for start in range(max(1, len(words) - SHINGLE + 1))} - {""}


def jaccard(a: set[str], b: set[str]) -> float:
    """Size of the intersection over that of the union."""
    return len(a & b) / len(a | b)


def bands(threshold: float) -> tuple[int, int]:
    """Bands and rows per band: the longest rows with which a pair at the threshold is hardly ever overlooked."""
    for rows in range(PERMUTATIONS // 2, 1, -1):
        if (1 - threshold**rows) ** (PERMUTATIONS // rows) <= _OVERLOOKED:
            return PERMUTATIONS // rows, rows
    return PERMUTATIONS, 1
