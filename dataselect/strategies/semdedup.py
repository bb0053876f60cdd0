"""Least repeated first: rows whose meaning no other row says.

Rule: cluster the embeddings (spherical k-means); inside a cluster order the rows by their cosine to its centre,
ascending; a row's repetition is its largest cosine to a row before it there. Lowest repetition first. Paper: SemDeDup
(Abbas et al. 2023, arXiv 2303.09540), which drops the rows whose repetition is over 1 - eps; the first k rows here are
what it keeps for the eps that leaves k. Direction: low. Nesting: yes. Pairs in different clusters are never compared.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from dataselect.embeddings.clusters import Clusters, spherical_kmeans
from dataselect.progress import counted
from dataselect.records import Ranking
from dataselect.strategies.contract import Candidates, Needs
from dataselect.strategies.ordering import ascending

ROWS = 1024
"""Rows per product."""


@dataclass(frozen=True, slots=True)
class SemDedup:
    """Ascending repetition inside clusters.

    Attributes:
        clusters: How many; at most the number of rows.
    """

    summary: ClassVar[str] = "least repeated in meaning first, inside clusters of embeddings"
    paper: ClassVar[str] = "arXiv 2303.09540"
    nests: ClassVar[bool] = True
    by_score: ClassVar[bool] = False
    needs: ClassVar[Needs] = Needs(vectors=True)

    clusters: int = 100

    def __post_init__(self) -> None:
        if self.clusters < 1:
            raise ValueError(f"clusters: expected at least 1, got {self.clusters}")

    def rank(self, candidates: Candidates, rng: np.random.Generator) -> Ranking:
        """Order by repetition, which is the score: a cosine; -1 for the first row of a cluster."""
        assert candidates.vectors is not None
        vectors = np.asarray(candidates.vectors)
        repeated = repetition(vectors, spherical_kmeans(vectors, self.clusters, int(rng.integers(2**31))))
        return ascending(repeated, repeated)


def repetition(vectors: NDArray[np.float32], clusters: Clusters) -> NDArray[np.float64]:
    """Largest cosine of each row to one that is farther from the centre of their cluster.

    Args:
        vectors: (n, d) unit vectors.

    Returns:
        (n,) cosines; -1 where there is no such row.
    """
    repeated = np.full(len(vectors), -1.0)
    for members in counted(clusters.members(), "compare", "clusters"):
        to_centre = clusters.cosines[members]
        members = members[np.argsort(to_centre, kind="stable")]
        inside = vectors[members]
        for start in range(0, len(members), ROWS):
            block = inside[start : start + ROWS]
            cosines = block @ inside[: start + len(block)].T
            earlier = np.arange(start + len(block))[None, :] < np.arange(start, start + len(block))[:, None]
            largest = np.where(earlier, cosines, -1.0).max(axis=1)
            repeated[members[start : start + ROWS]] = largest
    return repeated
