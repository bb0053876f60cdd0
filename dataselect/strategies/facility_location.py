"""The rows that best stand for the pool: every row of it should have a chosen one that is like it.

Rule: maximise the sum over all rows of the largest likeness to a chosen row, greedily, each time adding the row that
adds most (Mirzasoleiman et al. 2013). Direction: high. Nesting: yes. Rows that stand for many come first, outliers
last: the opposite of `k-center`. Gains only shrink, so a gain that was computed earlier is an upper bound, and a row is
computed anew only when it is on top (lazy greedy). Gains are rounded to nine decimals, so that equal rows tie and go by
id.

Two kernels say what likeness is:

- `cosine`: the cosine, of a row to its `neighbours` nearest only (exact, by FAISS); the rest, and what is below 0,
  count as 0. Ours, for large pools.
- `euclidean`: exp(-|x - y| / d) between all rows, d the length of a vector. The diversity step of Superfilter.D (Li et
  al. 2024, arXiv 2402.00530), as its code has it: the dense Euclidean kernel of submodlib. Its vectors are those of
  `embed --encoder minilm-512 --embed-text both`. All rows are nearly alike under it (0.995 to 1 in 384 dimensions), and
  it costs time with the square of the rows, so the paper applies it to a shortlist.

The two choose different rows, and only the second is the published rule.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from dataselect.embeddings.index import VectorIndex
from dataselect.records import Ranking
from dataselect.strategies.contract import Candidates, Needs
from dataselect.strategies.ordering import one_by_one

_CHUNK = 4096
"""Rows of the pool that such a product is cut into."""


@dataclass(frozen=True, slots=True)
class FacilityLocation:
    """Lazy greedy facility location.

    Attributes:
        kernel: What likeness is; `euclidean` is that of Superfilter.D.
        neighbours: With `cosine`, neighbours of each row in the graph, itself not counted.
    """

    summary: ClassVar[str] = (
        "rows that stand for the most others first; kernel=euclidean is Superfilter.D's second step"
    )
    paper: ClassVar[str] = "arXiv 2402.00530 with kernel=euclidean"
    nests: ClassVar[bool] = True
    by_score: ClassVar[bool] = False
    needs: ClassVar[Needs] = Needs(vectors=True)

    kernel: Literal["cosine", "euclidean"] = "cosine"
    neighbours: int = 64

    def __post_init__(self) -> None:
        if self.neighbours < 1:
            raise ValueError(f"neighbours: expected at least 1, got {self.neighbours}")

    def rank(self, candidates: Candidates, rng: np.random.Generator) -> Ranking:
        """Choose; the score is what a row added to the sum."""
        assert candidates.vectors is not None
        if not len(candidates):
            return Ranking(np.zeros(0, np.int64), np.zeros(0))
        vectors = np.asarray(candidates.vectors)
        likeness = _Euclidean(vectors) if self.kernel == "euclidean" else _Graph.nearest(vectors, self.neighbours)
        return one_by_one(lazy_greedy(likeness), candidates)


class Likeness(Protocol):
    """Likeness of rows, and how much of each is covered by those that were taken.

    `at_once` rows are computed again together: one product for many may cost little more than one for one.
    """

    at_once: ClassVar[int]

    def __len__(self) -> int: ...

    def gains(self, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return what each of `rows` would add to the sum."""
        ...

    def take(self, row: int) -> None:
        """Let `row` cover what it is like."""
        ...


class _Graph:
    """Cosines on a graph: row j stands for `served[edges[j]:edges[j + 1]]`, with `cosines` beside them."""

    at_once: ClassVar[int] = 1

    def __init__(self, edges: NDArray[np.int64], served: NDArray[np.int64], cosines: NDArray[np.float64]) -> None:
        self.edges, self.served, self.cosines = edges, served, cosines
        self._covered = np.zeros(len(self))

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

    def gains(self, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """See `Likeness.gains`."""
        parts = [slice(self.edges[row], self.edges[row + 1]) for row in rows]
        return np.array([np.maximum(self.cosines[p] - self._covered[self.served[p]], 0.0).sum() for p in parts])

    def take(self, row: int) -> None:
        """See `Likeness.take`."""
        part = slice(self.edges[row], self.edges[row + 1])
        self._covered[self.served[part]] = np.maximum(self._covered[self.served[part]], self.cosines[part])


class _Euclidean:
    """exp(-|x - y| / d) between all rows, in double precision: distances of near copies are small differences."""

    at_once: ClassVar[int] = 64

    def __init__(self, vectors: NDArray[np.float32]) -> None:
        self._vectors = vectors.astype(np.float64)
        self._squares = np.einsum("ij,ij->i", self._vectors, self._vectors)
        self._covered = np.zeros(len(vectors))

    def __len__(self) -> int:
        return len(self._vectors)

    def gains(self, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """See `Likeness.gains`."""
        added = np.zeros(len(rows))
        for start in range(0, len(self), _CHUNK):
            part = slice(start, start + _CHUNK)
            added += np.maximum(self._like(part, rows) - self._covered[part, None], 0.0).sum(axis=0)
        return added

    def take(self, row: int) -> None:
        """See `Likeness.take`."""
        self._covered = np.maximum(self._covered, self._like(slice(None), np.array([row]))[:, 0])

    def _like(self, part: slice, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """(n_part, n_rows) likeness; of a row to itself 1, whatever rounding makes of the distance."""
        products = self._vectors[part] @ self._vectors[rows].T
        squares = np.maximum(self._squares[part, None] + self._squares[rows] - 2 * products, 0.0)
        inside = np.arange(len(self))[part]
        squares[inside[:, None] == rows] = 0.0
        like: NDArray[np.float64] = np.exp(-np.sqrt(squares) / self._vectors.shape[1])
        return like


def lazy_greedy(likeness: Likeness) -> Iterator[tuple[int, float]]:
    """All rows with what each adds, largest first; ties go to the first row."""
    every, size = np.arange(len(likeness)), likeness.at_once
    first = np.concatenate([likeness.gains(every[at : at + size]) for at in range(0, len(every), size)])
    heap = list(zip((-np.round(first, 9)).tolist(), every.tolist(), strict=True))
    heapq.heapify(heap)
    exact: set[int] = set(every.tolist())  # rows whose gain is that of now
    while heap:
        if heap[0][1] not in exact:
            rows = [heapq.heappop(heap)[1] for _ in range(min(size, len(heap)))]
            fresh = likeness.gains(np.array(rows, np.int64))
            exact.update(rows)
            for gain, row in zip((-np.round(fresh, 9)).tolist(), rows, strict=True):
                heapq.heappush(heap, (gain, row))
            continue
        gain, row = heapq.heappop(heap)
        likeness.take(row)
        exact.clear()
        yield row, -gain
