"""A share of every cluster: a choice that is spread over the pool as its embeddings are.

Rule: cluster the embeddings (spherical k-means); order each cluster; give every cluster its share. With
`quota=proportional` the shares follow the sizes of the clusters at every budget, with `quota=equal` the clusters take
turns until they are empty. Inside a cluster the rows are ordered by their cosine to its centre, or by a column. Paper:
stratified sampling over clusters, as in DiverseEvol's and Cherry's warm-up (arXiv 2311.08182, 2308.12032). Direction:
that of the order inside. Nesting: yes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from dataselect.embeddings.clusters import Clusters, spherical_kmeans
from dataselect.records import Ranking
from dataselect.strategies.contract import Candidates, Needs


@dataclass(frozen=True, slots=True)
class KMeans:
    """Quotas over clusters.

    Attributes:
        clusters: How many; at most the number of rows.
        quota: Shares by size, or turns.
        score: A column to order by inside a cluster; empty for the cosine to the centre.
        direction: Which end of that comes first.
    """

    summary: ClassVar[str] = "a share of every cluster of embeddings, central rows first"
    paper: ClassVar[str] = "arXiv 2311.08182"
    nests: ClassVar[bool] = True
    by_score: ClassVar[bool] = False

    clusters: int = 100
    quota: Literal["proportional", "equal"] = "proportional"
    score: str = ""
    direction: Literal["high", "low"] = "high"

    def __post_init__(self) -> None:
        if self.clusters < 1:
            raise ValueError(f"clusters: expected at least 1, got {self.clusters}")

    @property
    def needs(self) -> Needs:
        """Embeddings, and the column if there is one."""
        return Needs(columns=(self.score,) if self.score else (), vectors=True)

    def rank(self, candidates: Candidates, rng: np.random.Generator) -> Ranking:
        """Interleave the clusters; the score is what orders a cluster inside."""
        assert candidates.vectors is not None
        values = candidates.columns[self.score] if self.score else None
        present = np.arange(len(candidates)) if values is None else np.flatnonzero(np.isfinite(values))
        if not len(present):
            return Ranking(present.astype(np.int64), np.zeros(0))
        found = spherical_kmeans(np.asarray(candidates.vectors)[present], self.clusters, int(rng.integers(2**31)))
        inside = found.cosines.astype(np.float64) if values is None else values[present]
        order = interleaved(found, -inside if self.direction == "high" else inside, self.quota)
        return Ranking(present[order].astype(np.int64), inside[order])


def interleaved(clusters: Clusters, keys: NDArray[np.float64], quota: str) -> NDArray[np.int64]:
    """All rows, clusters mixed by their quotas, each cluster by ascending key; ties go to the first row.

    The i-th of m rows of a cluster (from 0) stands at (i + 0.5) / m with proportional quotas, so that every prefix
    holds each cluster's share to within one row, and at i with equal ones.
    """
    places = np.empty(len(keys))
    for members in clusters.members():
        ranked = members[np.argsort(keys[members], kind="stable")]
        place = np.arange(len(members), dtype=np.float64)
        places[ranked] = (place + 0.5) / len(members) if quota == "proportional" else place
    return np.argsort(places, kind="stable").astype(np.int64)
