"""How much an approximate index finds: recall@k against exact search, on a seeded sample of its own rows.

    recall@k   mean over sampled rows of the share of the k places that are filled as well as by exact search

The k nearest *other* rows of each sampled row are looked for, the row itself known by its number. A found neighbour
counts if its cosine reaches the k-th largest one: among equally near rows, and pools hold many equal prompts, any will
do. Rounding of a cosine (1e-6) is allowed.

The breadth of the search is doubled until recall reaches 0.95, from 8 lists or 64 candidates, up to all lists or 1,024
candidates; what is reported is measured with the breadth that is kept. The exact side reads the vectors in blocks, so
that nothing but the index holds them all.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dataselect.embeddings.index import VectorIndex

WANTED = 0.95

_QUERIES = 500
_BLOCK_ROWS = 32_768
_SEED = 0
_ROUNDING = 1e-6
_NARROW = {"ivf": 8, "hnsw": 64}
_WIDEST_GRAPH = 1024


@dataclass(frozen=True, slots=True)
class Recall:
    """What an index finds.

    Attributes:
        k: Neighbours that were looked for: as many as asked, but no more than there are other rows.
        value: recall@k; 1 by definition for an exact index; None where a single row has no neighbours.
        queries: Sampled rows that it was measured on; 0 where it was not measured.
        breadth: Lists or candidates per search; None for an exact index.
    """

    k: int
    value: float | None
    queries: int
    breadth: int | None


def tuned_recall(index: VectorIndex, vectors: NDArray[np.float32], k: int) -> Recall:
    """Widen the searches of an index until it finds enough, and say what it finds.

    Args:
        vectors: (n, dim) the rows of the index, perhaps a memory map.
        k: Neighbours to look for.
    """
    k = min(k, len(vectors) - 1)
    kind = index.kind
    if kind is None or kind == "exact" or k == 0:
        return Recall(k, None if k == 0 else 1.0, 0, index.breadth)
    number = min(_QUERIES, len(vectors))
    own = np.sort(np.random.default_rng(_SEED).choice(len(vectors), number, replace=False))
    queries = np.ascontiguousarray(vectors[own])
    least = exact_similarities(vectors, queries, own, k)[:, -1]
    widest = index.num_lists if kind == "ivf" else _WIDEST_GRAPH
    breadth = min(_NARROW[kind], widest)
    while True:
        index.search_wide(breadth)
        found = index.others(queries, own, k).similarities
        value = float((found >= least[:, None] - _ROUNDING).mean())
        if value >= WANTED or breadth >= widest:
            return Recall(k, round(value, 4), number, breadth)
        breadth = min(2 * breadth, widest)


def exact_similarities(
    vectors: NDArray[np.float32], queries: NDArray[np.float32], own: NDArray[np.int64], k: int
) -> NDArray[np.float32]:
    """(n_queries, k) the largest inner products of each query with other rows, descending.

    Args:
        vectors: (n, dim) more than k rows.
        own: (n_queries,) the row that each query is.
    """
    best = np.full((len(queries), k), -np.inf, np.float32)
    for start in range(0, len(vectors), _BLOCK_ROWS):
        block = VectorIndex(vectors.shape[1])
        block.add(vectors[start : start + _BLOCK_ROWS])
        found = block.others(queries, own - start, k).similarities
        both = np.concatenate([best, np.nan_to_num(found, nan=-np.inf)], axis=1)
        best = -np.sort(-both, axis=1)[:, :k]
    return best
