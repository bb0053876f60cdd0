"""Approximate indexes: inverted lists (IVF) and a graph of neighbours (HNSW); the same rows give the same file.

IVF clusters a seeded sample (spherical k-means) into sqrt(n) lists, and a search looks into the lists with the nearest
centres. HNSW links each row with up to 64 others, and a search walks along the links; what several threads build would
depend on which of them is first, so it gets one. Many equal vectors hurt a graph: they are each other's neighbours, and
a walk does not leave them. The vectors are read from where they are; nothing but the index is a copy of them.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from dataselect.embeddings.index import IndexKind, VectorIndex, require_faiss

_SEED = 0
_SAMPLE_PER_LIST = 128
_ROUNDS = 10
_LINKS = 32
_BUILDING_BREADTH = 64
"""Candidates that are kept while a row is linked."""


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
