"""The rows whose removal would lower the pool's entropy most: those that stand apart.

Rule: project the embeddings on their first `dimensions` principal components and take the pool for a Gaussian, whose
entropy is 1/2 log det of its covariance and a constant. Leaving row i out changes it by

    H - H_without_i = -1/2 log(1 - n / (n - 1) * d_i' S^-1 d_i) + a constant

with d_i the centred row and S the scatter matrix (the sum of d d'), so the order is that of the Mahalanobis distance.
Highest first. Paper: our interpretation of the information-theoretic sampling of Khera et al. 2024 (arXiv 2411.10545),
whose encoder, mixture of two Gaussians and draw are not published in full: do not call it theirs. Direction: high.
Nesting: yes. Outliers come first, garbled rows among them. The paper selects preference pairs; of a pair the embedding
is that of its prompt, or with `embed --embed-text response` that of its chosen reply.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from dataselect.records import Ranking
from dataselect.strategies.contract import Candidates, Needs
from dataselect.strategies.ordering import ascending

ROWS = 65536
"""Rows per product in double precision."""


@dataclass(frozen=True, slots=True)
class EntropyLoo:
    """Descending leave-one-out change of a Gaussian's entropy.

    Attributes:
        dimensions: Principal components that are kept; fewer where the pool spans fewer.
    """

    summary: ClassVar[str] = "rows whose removal lowers the entropy of the pool's embeddings most"
    paper: ClassVar[str] = "after arXiv 2411.10545"
    nests: ClassVar[bool] = True
    by_score: ClassVar[bool] = True
    needs: ClassVar[Needs] = Needs(vectors=True)

    dimensions: int = 64

    def __post_init__(self) -> None:
        if self.dimensions < 1:
            raise ValueError(f"dimensions: expected at least 1, got {self.dimensions}")

    def rank(self, candidates: Candidates, rng: np.random.Generator) -> Ranking:
        """Order by the entropy change in nats, which is the score."""
        assert candidates.vectors is not None
        change = entropy_change(np.asarray(candidates.vectors), self.dimensions)
        return ascending(-change, change)


def entropy_change(vectors: NDArray[np.float32], dimensions: int) -> NDArray[np.float64]:
    """Entropy with each row minus that without it, in nats, up to a constant of the pool.

    Args:
        vectors: (n, d).
        dimensions: Principal components kept, at most.

    Returns:
        (n,) float64; at most 13.8, where the pool spans fewer dimensions without the row.
    """
    n = len(vectors)
    if n < 2:
        return np.zeros(n)
    mean = vectors.mean(axis=0, dtype=np.float64)
    values, axes = np.linalg.eigh(_scatter(vectors, mean))
    keep = np.flatnonzero(values > values[-1] * 1e-6)[::-1][: min(dimensions, max(1, n - 2))]
    whiten = axes[:, keep] / np.sqrt(values[keep])
    distance = np.concatenate(
        [(((vectors[at : at + ROWS] - mean) @ whiten) ** 2).sum(axis=1) for at in range(0, n, ROWS)]
    )
    rounded = np.round(distance * n / (n - 1), 9)  # equal rows tie, whatever their last bits
    change: NDArray[np.float64] = -0.5 * np.log(np.maximum(1e-12, 1.0 - rounded))
    return change


def _scatter(vectors: NDArray[np.float32], mean: NDArray[np.float64]) -> NDArray[np.float64]:
    scatter = np.zeros((len(mean), len(mean)))
    for at in range(0, len(vectors), ROWS):
        centred = vectors[at : at + ROWS] - mean
        scatter += centred.T @ centred
    return scatter
