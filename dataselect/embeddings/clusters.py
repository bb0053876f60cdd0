"""Spherical k-means over unit vectors, by FAISS: clusters for the strategies that spread a choice over a pool.

FAISS trains on a seeded sample of 256 vectors per cluster, which is what makes a million rows possible; every row is
then assigned to its nearest centre. The same vectors and seed give the same clusters on the same machine.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from dataselect.registry import require

_ROUNDS = 20


@dataclass(frozen=True, slots=True)
class Clusters:
    """The cluster of each row.

    Attributes:
        labels: (n,) int64 cluster of each row.
        cosines: (n,) float32 cosine of each row to the centre of its cluster.
        count: Number of clusters, empty ones included.
    """

    labels: NDArray[np.int64]
    cosines: NDArray[np.float32]
    count: int

    def members(self) -> Iterator[NDArray[np.int64]]:
        """The rows of each cluster in turn, ascending; empty clusters are left out."""
        order = np.argsort(self.labels, kind="stable")
        edges = np.searchsorted(self.labels[order], np.arange(self.count + 1))
        for begin, end in pairwise(edges.tolist()):
            if end > begin:
                yield order[begin:end]


def spherical_kmeans(vectors: NDArray[np.float32], count: int, seed: int) -> Clusters:
    """Cluster unit vectors by cosine.

    Args:
        vectors: (n, d) float32, at least one row.
        count: Number of clusters; as many as there are rows, if there are fewer.
        seed: Of the sample and of the first centres.

    Raises:
        MissingExtraError: If FAISS is not installed.
    """
    faiss = require("faiss", extra="embed")
    vectors = np.ascontiguousarray(vectors, np.float32)
    count = min(count, len(vectors))
    clustering = faiss.Kmeans(
        vectors.shape[1], count, niter=_ROUNDS, seed=seed, spherical=True, min_points_per_centroid=1
    )
    clustering.train(vectors)
    cosines, labels = clustering.index.search(vectors, 1)
    return Clusters(labels[:, 0].astype(np.int64), cosines[:, 0], count)
