"""`index.faiss`: the index of a pool, whose kind a rule chooses, built, widened until it finds enough, and written.

    up to 100,000 rows                                       exact: all rows are compared, in milliseconds
    up to 1,000,000, if vectors and graph together take no
    more than a quarter of the machine's memory              HNSW (Malkov and Yashunin 2018, arXiv 1603.09320)
    else                                                     IVF over plain vectors (Jegou et al. 2011)

The same rows give the same file. A graph costs about 280 bytes a row beside the vectors, and links each row with up to
64 others, along which a search walks; several threads would build another graph each time, so one does. Many equal
vectors hurt a graph: they are each other's neighbours, and a walk does not leave them. IVF clusters a seeded sample
(spherical k-means) into sqrt(n) lists, which cost 8 bytes a row, and a search compares with the lists of the nearest
centres. The vectors are read from disk; nothing but the index is a copy of them. Figures behind the sizes:
benchmarks/README.md, "Index choice".

    recall@k   mean over sampled rows of the share of the k places that are filled as well as by exact search

How much an approximate index finds is measured on a seeded sample of its own rows: the k nearest *other* rows of each
are searched for, the row itself known by its number. A found neighbour counts if its cosine reaches the k-th largest
one, up to rounding (1e-6): among equally near rows, and pools hold many equal prompts, any will do. The breadth of the
search is doubled until recall reaches 0.95, from 8 lists or 64 candidates, up to all lists or 1,024 candidates; the
recall that is reported belongs to the breadth that is kept.
"""

from __future__ import annotations

import math
import os
import time
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from dataselect.embeddings.index import IndexKind, VectorIndex, require_faiss
from dataselect.embeddings.store import INDEX, VECTORS
from dataselect.stage import StageDirectory

AskedIndex = Literal["auto", "exact", "ivf", "hnsw"]
EXACT_ROWS = 100_000
HNSW_ROWS = 1_000_000
GRAPH_BYTES = 280
_SHARE = 0.25
_SEED = 0
_SAMPLE_PER_LIST = 128
_ROUNDS = 10
_LINKS = 32
_BUILDING_BREADTH = 64
"""Candidates that are kept while a row is linked."""

_K = 10
"""Neighbours that recall is measured with where no top k was asked for."""

WANTED = 0.95
_QUERIES = 500
_BLOCK_ROWS = 32_768
_SAMPLE_SEED = 0
_ROUNDING = 1e-6
_NARROW = {"ivf": 8, "hnsw": 64}
_WIDEST_GRAPH = 1024


@dataclass(frozen=True, slots=True)
class IndexReport:
    """The kind, size and recall of `index.faiss`, for the manifest.

    Attributes:
        asked: As asked for.
        breadth: Lists or candidates per search; None for an exact index.
        k: Neighbours that recall was measured with.
        recall: recall@k against exact search (`tuned_recall`): 1 by definition for an exact index, None for a single
            row.
        queries: Rows that recall was measured on; 0 where it was not measured.
        build_s: Seconds that it took to build.
    """

    kind: IndexKind
    asked: AskedIndex
    rows: int
    breadth: int | None
    k: int
    recall: float | None
    queries: int
    build_s: float


def store_index(stage: StageDirectory, asked: AskedIndex, k: int | None) -> IndexReport:
    """Index the vectors of a stage directory, which are read as a memory map.

    Args:
        stage: With a file of vectors.
        k: Neighbours to measure recall with; None for 10.

    Raises:
        ArtifactError: If the index cannot be written.
    """
    vectors = np.load(stage.path / VECTORS, mmap_mode="r")
    kind = chosen_kind(asked, len(vectors), vectors.shape[1], machine_memory())
    start = time.perf_counter()
    index = build_index(kind, vectors)
    build_s = time.perf_counter() - start
    recall = tuned_recall(index, vectors, k or _K)
    with stage.write(INDEX) as temporary:
        index.save(temporary)
    return IndexReport(
        kind=kind,
        asked=asked,
        rows=len(index),
        breadth=recall.breadth,
        k=recall.k,
        recall=recall.value,
        queries=recall.queries,
        build_s=round(build_s, 3),
    )


def chosen_kind(asked: AskedIndex, rows: int, dim: int, memory_bytes: int) -> IndexKind:
    """The kind of index for a pool.

    Args:
        asked: A kind, or "auto" for the rule.
        rows: Embedded examples.
        dim: Length of a vector.
        memory_bytes: Of the machine.
    """
    if asked != "auto":
        return asked
    if rows <= EXACT_ROWS:
        return "exact"
    graph_bytes = rows * (4 * dim + GRAPH_BYTES)
    return "hnsw" if rows <= HNSW_ROWS and graph_bytes <= _SHARE * memory_bytes else "ivf"


def machine_memory() -> int:
    """Bytes of memory of this machine, whether in use or not, so that the choice is the same every time."""
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def build_index(kind: IndexKind, vectors: NDArray[np.float32]) -> VectorIndex:
    """An index of a kind over all rows.

    Args:
        vectors: (n, dim) float32 unit vectors, perhaps a memory map; n at least 1.
    """
    if kind == "exact":
        index = VectorIndex(vectors.shape[1])
        index.add(vectors)
        return index
    return _inverted_lists(vectors) if kind == "ivf" else _graph(vectors)


def _inverted_lists(vectors: NDArray[np.float32]) -> VectorIndex:
    faiss = require_faiss()
    number, dim = vectors.shape
    lists = max(1, math.isqrt(number))
    index = faiss.IndexIVFFlat(faiss.IndexFlatIP(dim), dim, lists, faiss.METRIC_INNER_PRODUCT)
    index.cp.niter, index.cp.seed, index.cp.spherical, index.cp.min_points_per_centroid = _ROUNDS, _SEED, True, 1
    sample = min(number, lists * _SAMPLE_PER_LIST)
    chosen = np.sort(np.random.default_rng(_SEED).choice(number, sample, replace=False))
    index.train(np.ascontiguousarray(vectors[chosen]))
    made = VectorIndex.around(index)
    made.add(vectors)
    return made


def _graph(vectors: NDArray[np.float32]) -> VectorIndex:
    faiss = require_faiss()
    index = faiss.IndexHNSWFlat(vectors.shape[1], _LINKS, faiss.METRIC_INNER_PRODUCT)
    index.hnsw.efConstruction = _BUILDING_BREADTH
    made = VectorIndex.around(index)
    threads = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    try:
        made.add(vectors)
    finally:
        faiss.omp_set_num_threads(threads)
    return made


@dataclass(frozen=True, slots=True)
class Recall:
    """The recall of an index.

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
    """Widen the searches of an index until it finds enough, and return its recall.

    Args:
        vectors: (n, dim) the rows of the index, perhaps a memory map.
        k: Neighbours to look for.
    """
    k = min(k, len(vectors) - 1)
    kind = index.kind
    if kind is None or kind == "exact" or k == 0:
        return Recall(k, None if k == 0 else 1.0, 0, index.breadth)
    number = min(_QUERIES, len(vectors))
    own = np.sort(np.random.default_rng(_SAMPLE_SEED).choice(len(vectors), number, replace=False))
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
