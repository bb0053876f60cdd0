"""Farthest first: each row is the one that resembles least what is chosen already.

Rule: begin with the row nearest to the mean of the pool; then choose, again and again, the row whose nearest chosen
row is farthest (cosine distance). Paper: Sener and Savarese 2018 (arXiv 1708.00489), greedy k-center; the core of
DiverseEvol (Wu et al. 2023, arXiv 2311.08182). Direction: none. Nesting: yes. It covers the pool and does not care how
good a row is; outliers and garbled rows come early, so filter those first.

The plain greedy reads all vectors once per choice. Here the distances of all rows are brought up to date for many
choices in one product, and in between only those rows are looked at that can still be the farthest: distances only
shrink, so a row that was nearer than the farthest one is now cannot overtake it. The choices are the same. Cosines are
rounded to six decimals, so that equal rows tie and go by id.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from dataselect.records import Ranking
from dataselect.strategies.contract import Candidates, Needs
from dataselect.strategies.ordering import one_by_one

WATCHED = 2048
"""Rows that are kept up to date after every choice."""

ROWS = 8192
"""Rows per product."""


@dataclass(frozen=True, slots=True)
class KCenter:
    """Greedy k-center."""

    summary: ClassVar[str] = "farthest from everything chosen so far, again and again"
    paper: ClassVar[str] = "arXiv 1708.00489"
    nests: ClassVar[bool] = True
    by_score: ClassVar[bool] = False
    needs: ClassVar[Needs] = Needs(vectors=True)

    def rank(self, candidates: Candidates, rng: np.random.Generator) -> Ranking:
        """Choose; the score is the cosine distance to the nearest row chosen before (of the first: 2, the largest)."""
        assert candidates.vectors is not None
        return one_by_one(farthest_first(np.asarray(candidates.vectors)), candidates)


def farthest_first(vectors: NDArray[np.float32]) -> Iterator[tuple[int, float]]:
    """All rows, farthest first, with their distance to the nearest row before; ties go to the first.

    Args:
        vectors: (n, d) unit vectors.
    """
    if not len(vectors):
        return
    largest = np.full(len(vectors), -1.0, np.float32)  # cosine to the nearest chosen row; chosen ones get infinity
    first = _central(vectors)
    pending = [first]
    largest[first] = np.inf
    yield first, 2.0
    while True:
        _bring_up_to_date(vectors, largest, pending)
        pending = []
        for row, cosine in _while_certain(vectors, largest):
            pending.append(row)
            yield row, 1.0 - cosine
        if not pending:
            return


def _while_certain(vectors: NDArray[np.float32], largest: NDArray[np.float32]) -> Iterator[tuple[int, float]]:
    """Choose among the farthest rows as long as no other row can be as far; `largest` is exact for all at the start."""
    bound = float(np.partition(largest, WATCHED)[WATCHED]) if len(largest) > WATCHED else np.inf
    watched = np.flatnonzero(largest < bound) if len(largest) > WATCHED else np.arange(len(largest))
    close = vectors[watched]
    row = int(np.argmin(largest))  # the first of all that are as far, watched or not
    while np.isfinite(largest[row]):
        cosine = float(largest[row])
        largest[row] = np.inf
        yield row, cosine
        if not len(watched):
            return
        largest[watched] = np.maximum(largest[watched], np.round(close @ vectors[row], 6))
        row = int(watched[np.argmin(largest[watched])])
        if not largest[row] < bound:
            return


def _bring_up_to_date(vectors: NDArray[np.float32], largest: NDArray[np.float32], chosen: list[int]) -> None:
    """Take the cosines to the rows of `chosen` into account for every row."""
    for start in range(0, len(vectors), ROWS):
        part = slice(start, start + ROWS)
        cosines = (vectors[part] @ vectors[chosen].T).max(axis=1)
        np.maximum(largest[part], np.round(cosines, 6), out=largest[part])


def _central(vectors: NDArray[np.float32]) -> int:
    """The row nearest to the mean of all."""
    mean = vectors.mean(axis=0, dtype=np.float64).astype(np.float32)
    return int(np.argmax(np.round(vectors @ mean, 6)))
