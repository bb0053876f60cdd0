"""Similarity of each example to a target set.

For unit vectors x (an example) and t_1 ... t_m (the targets, of all target files together):

    similarity           mean of the k largest cosines x . t_j, with k no larger than m
    centroid_similarity  cosine of x and the centroid c = sum t_j / |sum t_j|

The first rewards an example that is close to some targets, the second one that is close to their middle; on a target
set of several clusters they disagree. The centroid of targets that cancel out has no direction, and its cosine is then
absent. Higher is closer: these are similarities, not distances. Both are exact whatever the size of the pool: the
targets are what is searched, and they are few.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dataselect.embeddings.index import VectorIndex

_NO_DIRECTION = 1e-6
"""A mean of unit vectors shorter than this is rounding, not a direction."""

_BLOCK = 512


@dataclass(frozen=True, slots=True)
class TargetSimilarity:
    """Similarities of n examples to one target set.

    Attributes:
        similarity: (n,) float64, mean cosine to the k nearest targets.
        centroid_similarity: (n,) float64, cosine to the centroid; None if the targets cancel out.
    """

    similarity: NDArray[np.float64]
    centroid_similarity: NDArray[np.float64] | None

    @classmethod
    def concatenate(cls, parts: Sequence[TargetSimilarity]) -> TargetSimilarity:
        """Join parts of a pool that were compared with the same targets."""
        to_centroid = [part.centroid_similarity for part in parts if part.centroid_similarity is not None]
        similarity = np.concatenate([part.similarity for part in parts])
        return cls(similarity, np.concatenate(to_centroid) if to_centroid else None)


class TargetVectors:
    """The targets of a run, searchable.

    Args:
        vectors: (m, dim) unit vectors, m at least 1.
        top_k: Nearest targets that are asked for, at least 1.

    Attributes:
        top_k: Nearest targets that are averaged: as asked, but no more than there are.
        centroid: (dim,) float64 of length 1, or None if the targets cancel out.
    """

    def __init__(self, vectors: NDArray[np.float32], top_k: int) -> None:
        assert len(vectors) > 0, "a target set of no targets"
        assert top_k > 0, f"top_k = {top_k}"
        self.top_k = min(top_k, len(vectors))
        self.centroid = _centroid(vectors)
        self._index = VectorIndex(vectors.shape[1])
        self._index.add(vectors)

    def similarity(self, vectors: NDArray[np.float32]) -> TargetSimilarity:
        """Compare (n, dim) unit vectors with the targets."""
        nearest = self._index.search(vectors, self.top_k).similarities
        to_centroid = None if self.centroid is None else _products(vectors, self.centroid)
        return TargetSimilarity(nearest.astype(np.float64).mean(axis=1), to_centroid)


def _products(vectors: NDArray[np.float32], centroid: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n,) inner products in float64, by blocks whose copy in float64 stays in the processor's cache."""
    blocks = (vectors[at : at + _BLOCK].astype(np.float64) @ centroid for at in range(0, len(vectors), _BLOCK))
    return np.concatenate([np.zeros(0), *blocks])


def _centroid(vectors: NDArray[np.float32]) -> NDArray[np.float64] | None:
    mean: NDArray[np.float64] = vectors.mean(axis=0, dtype=np.float64)
    length = float(np.linalg.norm(mean))
    return None if length < _NO_DIRECTION else mean / length
