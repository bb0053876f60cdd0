"""The rows that best stand for the pool: every row of it should have a chosen one that is like it.

Rule: maximise the sum over all rows of the largest cosine to a chosen row, greedily, each time adding the row that adds
most. Paper: the diversity step of Superfiltering (Li et al. 2024, arXiv 2402.00530), Mirzasoleiman et al. 2013 for the
lazy greedy. Direction: high. Nesting: yes. Rows that stand for many come first, outliers last: the opposite of
`k-center`.

Cosines are looked at between a row and its `neighbours` nearest only (exact, by FAISS), the rest count as 0; with as
many neighbours as rows it is the published rule with cosines below 0 as 0. Gains only shrink, so a gain that was
computed earlier is an upper bound, and a row is computed anew only when it is on top (lazy greedy).
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from dataselect.embeddings.index import VectorIndex
from dataselect.records import Ranking
from dataselect.strategies.contract import Candidates, Needs


@dataclass(frozen=True, slots=True)
class FacilityLocation:
    """Lazy greedy facility location over a graph of nearest neighbours.

    Attributes:
        neighbours: Neighbours of each row in the graph, itself not counted.
    """

    summary: ClassVar[str] = "rows that stand for the most others first"
    paper: ClassVar[str] = "arXiv 2402.00530"
    nests: ClassVar[bool] = True
    by_score: ClassVar[bool] = False
    needs: ClassVar[Needs] = Needs(vectors=True)

    neighbours: int = 64

    def __post_init__(self) -> None:
        if self.neighbours < 1:
            raise ValueError(f"neighbours: expected at least 1, got {self.neighbours}")

    def rank(self, candidates: Candidates, rng: np.random.Generator) -> Ranking:
        """Choose; the score is what a row added to the sum."""
        assert candidates.vectors is not None
        if not len(candidates):
            return Ranking(np.zeros(0, np.int64), np.zeros(0))
        graph = _Graph.nearest(np.asarray(candidates.vectors), self.neighbours)
        chosen = list(islice(lazy_greedy(graph), candidates.limit))
        order = np.array([row for row, _ in chosen], np.int64)
        scores = np.array([gain for _, gain in chosen], np.float64)
        return Ranking(order, scores, complete=candidates.limit is None or len(chosen) < candidates.limit)


@dataclass(frozen=True, slots=True)
class _Graph:
    """For each row the rows that it can stand for: `served[edges[j]:edges[j + 1]]` with `cosines` beside them."""

    edges: NDArray[np.int64]
    served: NDArray[np.int64]
    cosines: NDArray[np.float64]

    @classmethod
    def nearest(cls, vectors: NDArray[np.float32], neighbours: int) -> _Graph:
        """Each row, and whichever rows have it among their nearest. A row stands for itself fully."""
        number = len(vectors)
        index = VectorIndex(vectors.shape[1])
        index.add(vectors)
        found = index.others(vectors, np.arange(number), min(neighbours, max(1, number - 1)))
        serving, served = found.rows.ravel(), np.repeat(np.arange(number), found.rows.shape[1])
        cosines = found.similarities.ravel().astype(np.float64)
        other = cosines > 0  # not a number where there is no neighbour
        serving = np.concatenate([serving[other], np.arange(number)])
        served = np.concatenate([served[other], np.arange(number)])
        cosines = np.concatenate([np.round(cosines[other], 6), np.ones(number)])
        order = np.lexsort((served, serving))
        edges = np.searchsorted(serving[order], np.arange(number + 1))
        return cls(edges, served[order], cosines[order])

    def __len__(self) -> int:
        return len(self.edges) - 1


def lazy_greedy(graph: _Graph) -> Iterator[tuple[int, float]]:
    """All rows with what each adds, largest first; ties go to the first row."""
    covered = np.zeros(len(graph))

    def gain(row: int) -> float:
        part = slice(graph.edges[row], graph.edges[row + 1])
        added = np.maximum(graph.cosines[part] - covered[graph.served[part]], 0.0).sum()
        return float(np.round(added, 9))

    heap = [(-gain(row), row) for row in range(len(graph))]
    heapq.heapify(heap)
    while heap:
        stale, row = heap[0]
        fresh = -gain(row)
        if fresh > stale:
            heapq.heapreplace(heap, (fresh, row))
            continue
        heapq.heappop(heap)
        part = slice(graph.edges[row], graph.edges[row + 1])
        covered[graph.served[part]] = np.maximum(covered[graph.served[part]], graph.cosines[part])
        yield row, -fresh
