"""De-duplication down a ranking: of rows that say the same, the one that ranks highest stays.

    exact      prompt and response are the same, white space, case and compatibility forms aside
    ngram      they share most of their word 5-grams
    semantic   their embeddings are nearly the same, the filter of Deita; a row of which the encoder read only the
               beginning is in no such pair, since what follows may differ

Each method goes down the ranking that the one before has left, and drops a row that repeats one that it has kept. Which
row of a group stays is thus the strategy's choice and does not depend on the order of the pool; and what stays above a
place does not depend on what is below it, so that budgets nest as before.

Near-duplicates have a Jaccard similarity of their sets of word 5-grams (of the whole text where it is shorter) of at
least the threshold. Candidates come from locality-sensitive hashing of MinHash signatures (Broder 1997; the package
`datasketch`), and each is verified on the sets themselves: no row is dropped that does not qualify. Bands are chosen so
that a pair at the threshold is overlooked less than once in a thousand times, and a closer one even less. From a
threshold of 0.8 on, rows that resemble no other are found by fewer numbers first (`band_keys`), and left aside.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from dataselect.progress import counted
from dataselect.registry import require
from dataselect.selection.band_keys import LEAST, BandKeys
from dataselect.selection.exclusions import Exclusions
from dataselect.selection.filters import Filters
from dataselect.selection.text_normalisation import full_text, normalised, tokens
from dataselect.selection.vectors import Vectors
from dataselect.strategies import Text
from dataselect.strategies.cosine import greedy_distinct
from dataselect.strategies.strings import Strings

SHINGLE = 5
PERMUTATIONS = 128
_OVERLOOKED = 1e-3
_REMEMBERED = 8192
"""Texts whose shingles are not made again when they are a candidate: some 100 MiB."""
_COSINE_ROWS = 1024
"""Rows per product of embeddings."""

REASONS = {"exact": "duplicate", "ngram": "near_duplicate", "semantic": "semantic_duplicate"}


def deduplicated(
    filters: Filters,
    order: NDArray[np.int64],
    ids: Strings,
    texts: Sequence[Text],
    vectors: Vectors | None,
    exclusions: Exclusions,
) -> NDArray[np.int64]:
    """Return the ranking without the rows that repeat one before them; these are excluded with the id of the kept row.

    Args:
        order: (n_ranked,) rows, best first.
        ids: (n_pool,) ids.
        texts: (n_pool,) prompt and response, for the methods that compare texts.
        vectors: For the method that compares embeddings.
    """
    for method in filters.dedup:
        if method == "exact":
            blocked_by = exact_duplicates(texts, order)
        elif method == "ngram":
            blocked_by = near_duplicates(texts, order, filters.dedup_threshold)
        else:
            assert vectors is not None, "asked for in `Filters.vectors`"
            read_whole = order[[id_ not in vectors.truncated for id_ in ids.take(order)]]
            found = semantic_duplicates(vectors.matrix, vectors.rows_of(ids.take(read_whole)), filters.dedup_cosine)
            blocked_by = {int(read_whole[place]): int(read_whole[kept]) for place, kept in found.items()}
        rows = np.array(list(blocked_by), np.int64)
        exclusions.exclude(rows, REASONS[method], {row: ids[kept] for row, kept in blocked_by.items()})
        order = order[~np.isin(order, rows)]
    return order


def exact_duplicates(texts: Sequence[Text], order: NDArray[np.int64]) -> dict[int, int]:
    """Find the rows that repeat a row before them.

    Args:
        texts: (n_pool,) prompt and response.
        order: (n_ranked,) rows, best first.

    Returns:
        row -> the row that it repeats, the first of its kind.
    """
    first: dict[bytes, int] = {}
    repeats: dict[int, int] = {}
    for row in order.tolist():
        text = f"{normalised(texts[row].prompt)}\n{normalised(texts[row].response)}"  # no line break inside either
        kept = first.setdefault(hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest(), row)
        if kept != row:
            repeats[row] = kept
    return repeats


def near_duplicates(texts: Sequence[Text], order: NDArray[np.int64], threshold: float) -> dict[int, int]:
    """Find the rows that resemble a kept row before them.

    Args:
        texts: (n_pool,) prompt and response.
        order: (n_ranked,) rows, best first.
        threshold: Least Jaccard similarity, above 0 and at most 1.

    Returns:
        row -> the kept row that it resembles most; of equals the one that ranks highest.

    Raises:
        MissingExtraError: If datasketch is not installed.
    """
    datasketch = require("datasketch", extra="dedup")
    index = datasketch.MinHashLSH(num_perm=PERMUTATIONS, params=bands(threshold))
    rows: list[int] = _worth_comparing(texts, order, threshold).tolist()
    shingles_of = lru_cache(_REMEMBERED)(lambda place: shingles(texts[rows[place]]))
    blocked_by: dict[int, int] = {}
    for place, row in enumerate(counted(rows, "find near duplicates", "rows", len(rows))):
        own = shingles_of(place)
        if not own:
            continue
        signature = datasketch.MinHash(num_perm=PERMUTATIONS, hashfunc=zlib.crc32)
        signature.update_batch([shingle.encode("utf-8", "surrogatepass") for shingle in own])
        likeness = {near: jaccard(own, shingles_of(near)) for near in sorted(index.query(signature))}
        nearest = max(likeness, key=likeness.__getitem__, default=None)
        if nearest is not None and likeness[nearest] >= threshold:
            blocked_by[row] = rows[nearest]
        else:
            index.insert(place, signature, check_duplication=False)
    return blocked_by


def _worth_comparing(texts: Sequence[Text], order: NDArray[np.int64], threshold: float) -> NDArray[np.int64]:
    """The rows that may resemble another one, in the same order; all where the threshold is too low to tell cheaply."""
    if threshold < LEAST:
        return order
    keys = BandKeys()
    for row in counted(order.tolist(), "look for near duplicates", "rows", len(order)):
        keys.add(shingles(texts[row]))
    return order[keys.sharing(np.arange(len(order)))]


def shingles(text: Text) -> set[str]:
    """Return the word 5-grams of a text; the whole text where it has fewer words; none where it has no word."""
    words = tokens(full_text(text))
    return {" ".join(words[start : start + SHINGLE]) for start in range(max(1, len(words) - SHINGLE + 1))} - {""}


def jaccard(a: set[str], b: set[str]) -> float:
    """Return the size of the intersection over that of the union."""
    return len(a & b) / len(a | b)


def bands(threshold: float) -> tuple[int, int]:
    """Return bands and rows per band: the longest rows that hardly ever overlook a pair at the threshold."""
    for rows in range(PERMUTATIONS // 2, 1, -1):
        if (1 - threshold**rows) ** (PERMUTATIONS // rows) <= _OVERLOOKED:
            return PERMUTATIONS // rows, rows
    return PERMUTATIONS, 1


def semantic_duplicates(vectors: NDArray[np.float32], order: NDArray[np.int64], threshold: float) -> dict[int, int]:
    """Find the places with a cosine over the threshold to a kept place before them.

    Args:
        vectors: (n, d) unit vectors, perhaps a memory map; never copied whole.
        order: (n_ranked,) rows of them, best first.

    Returns:
        place -> the kept place before it that is nearest; of equals the first.
    """
    kept = np.flatnonzero(np.isin(order, greedy_distinct(vectors, order, threshold)))
    dropped = np.setdiff1d(np.arange(len(order)), kept, assume_unique=True)
    close = np.ascontiguousarray(vectors[order[kept]]) if len(dropped) else vectors[:0]
    blocked_by: dict[int, int] = {}
    for start in range(0, len(dropped), _COSINE_ROWS):
        part = dropped[start : start + _COSINE_ROWS]
        cosines = vectors[order[part]] @ close.T
        cosines[kept[None, :] > part[:, None]] = -2.0  # comes later
        blocked_by |= dict(zip(part.tolist(), kept[cosines.argmax(axis=1)].tolist(), strict=True))
    return blocked_by
