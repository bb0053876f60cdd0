"""RDS+: every target example in turn takes the candidate most similar to it.

Rule: the cosine of each candidate to each target example, by the embeddings that were given. With targets of one file
the examples take turns, in file order: in round r each names the r-th of its nearest candidates. With targets of
several files (tasks) a candidate's similarity to a task is its largest to any example of it, and the tasks take turns.
Paper: Ivison et al. 2025 (arXiv 2503.01807), after its authors' code. Direction: high. Nesting: yes. The score is the
similarity to the example or task that took the row, so it does not fall steadily along the ranking.

`duplicates=waste`, as published: if the candidate that a turn names is taken already, the turn is lost; examples whose
neighbours no other wants then get more rows. `duplicates=skip`: the turn goes to the next one that is not taken, so
that all get equally many. Either way a budget below the number of examples serves only the first of the file.

The paper's embeddings are the last hidden states of the base model over the whole dialogue, token i weighted by i:
`dataselect embed --encoder MODEL --pooling weighted-mean --embed-text both --target FILE`. Here no template is around
the text, and BOS is not weighed. Any other embeddings with targets will do, but are not the paper's.

With `waste` a turn does not depend on the other examples: a candidate is taken in the round of its best place in any
list, by the first query that has it there, so that one pass over the lists is enough, with memory for one list. With
`skip` the turns are played. Lists are cut to a depth that bounds the memory; when one is used up, all are made again
from the candidates that are left. Either way every candidate is taken in the end, and a longer selection only continues
a shorter one.

Cost: n * m cosines of d dimensions, and a sort of n numbers per target.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from dataselect.records import Ranking
from dataselect.strategies.contract import Candidates, Needs
from dataselect.strategies.cosine import cosine_rows, descending


@dataclass(frozen=True, slots=True)
class RdsPlus:
    """Round-robin over target examples, or over tasks where there are several.

    Attributes:
        duplicates: The effect of a turn whose candidate is taken already: lost (`waste`), or the next best (`skip`).
    """

    summary: ClassVar[str] = "each target example in turn takes its most similar row; with several files, each file"
    paper: ClassVar[str] = "arXiv 2503.01807"
    nests: ClassVar[bool] = True
    by_score: ClassVar[bool] = False
    needs: ClassVar[Needs] = Needs(vectors=True, targets=True)

    duplicates: Literal["waste", "skip"] = "waste"

    def rank(self, candidates: Candidates, rng: np.random.Generator) -> Ranking:
        """Order by turn; the score is the similarity to the query that took the row."""
        number, queries = len(candidates), _number_of_queries(candidates)
        if self.duplicates == "waste":
            shares = share_wasting(_preferences(candidates), number, queries)
        else:
            limit = number if candidates.limit is None else candidates.limit
            shares = share_skipping(lambda rows: _preferences(candidates, rows), number, queries, limit)
        complete = len(shares.order) == number
        return Ranking(shares.order, shares.similarity.astype(np.float64), complete)


def _tasks(candidates: Candidates) -> list[str]:
    return list(dict.fromkeys(candidates.target_tasks))


def _number_of_queries(candidates: Candidates) -> int:
    tasks = len(_tasks(candidates))
    return tasks if tasks > 1 else len(candidates.target_vectors)


def _preferences(candidates: Candidates, rows: NDArray[np.int64] | None = None) -> Iterator[NDArray[np.float32]]:
    """For each query its similarity to each candidate, or to each of `rows`."""
    assert candidates.vectors is not None, "asked for in `needs`"
    tasks = _tasks(candidates)
    if len(tasks) == 1:
        yield from cosine_rows(candidates.target_vectors, candidates.vectors, rows)
        return
    owners = np.array([tasks.index(task) for task in candidates.target_tasks])
    for task in range(len(tasks)):
        best = np.full(len(candidates) if rows is None else len(rows), -np.inf, np.float32)
        for row in cosine_rows(candidates.target_vectors[owners == task], candidates.vectors, rows):
            np.maximum(best, row, out=best)
        yield best


LIST_CELLS = 2**24
"""Candidates in all lists together of a played round: 128 MiB with their similarities."""

_FIRST_LOOK = 16


@dataclass(frozen=True, slots=True)
class Turns:
    """The candidates in the order in which they were taken.

    Attributes:
        order: (n,) candidates.
        similarity: (n,) float32, aligned with `order`: of each to the query that took it.
    """

    order: NDArray[np.int64]
    similarity: NDArray[np.float32]


def share_wasting(lists: Iterable[NDArray[np.float32]], number: int, queries: int) -> Turns:
    """Share out by `waste`.

    Args:
        lists: For each query, its similarity to each candidate.
        number: Of candidates.
        queries: Number of lists, at least one.
    """
    turn = np.full(number, np.iinfo(np.int64).max)
    similarity = np.zeros(number, np.float32)
    own = np.empty(number, np.int64)
    rounds = np.arange(number) * queries
    for query, row in enumerate(lists):
        own[descending(row)] = rounds + query
        earlier = own < turn
        turn[earlier] = own[earlier]
        similarity[earlier] = row[earlier]
    order = np.argsort(turn)
    return Turns(order, similarity[order])


def share_skipping(
    lists: Callable[[NDArray[np.int64]], Iterator[NDArray[np.float32]]], number: int, queries: int, limit: int
) -> Turns:
    """Share out by `skip`.

    Args:
        lists: Gives, for each query, its similarity to each of the candidates that it is called with.
        number: Of candidates.
        queries: Number of lists, at least one.
        limit: Candidates after which to stop.
    """
    left = np.arange(number)
    parts = [Turns(left[:0], np.zeros(0, np.float32))]
    taken = 0
    while len(left) and taken < limit:
        hand = _Hand(lists(left), len(left), queries)
        part = hand.play(first=taken % queries, most=limit - taken)
        parts.append(Turns(left[part.order], part.similarity))
        taken += len(part.order)
        left = np.delete(left, part.order)
    return Turns(np.concatenate([p.order for p in parts]), np.concatenate([p.similarity for p in parts]))


class _Hand:
    """The tops of all lists over some candidates, and which of these are taken."""

    def __init__(self, lists: Iterable[NDArray[np.float32]], number: int, queries: int) -> None:
        self._depth = min(number, max(1, LIST_CELLS // queries))
        self._tops = np.empty((queries, self._depth), np.int32)
        self._similarity = np.empty((queries, self._depth), np.float32)
        self._taken = np.zeros(number, bool)
        self._place = [0] * queries
        for query, row in enumerate(lists):
            self._tops[query] = descending(row, self._depth)
            self._similarity[query] = row[self._tops[query]]

    def play(self, first: int, most: int) -> Turns:
        """Take turns, beginning with the query `first`, until a list is used up or `most` are taken."""
        order: list[int] = []
        similarity: list[float] = []
        query = first
        while len(order) < min(most, len(self._taken)):
            place = self._next_free(query)
            if place == self._depth:
                break
            candidate = int(self._tops[query, place])
            order.append(candidate)
            similarity.append(float(self._similarity[query, place]))
            self._taken[candidate] = True
            self._place[query] = place + 1
            query = (query + 1) % len(self._place)
        return Turns(np.array(order, np.int64), np.array(similarity, np.float32))

    def _next_free(self, query: int) -> int:
        """Return the first place in a query's list, from its own on, that is not taken; the depth if all are."""
        start, width = self._place[query], _FIRST_LOOK
        while start < self._depth:
            taken = self._taken[self._tops[query, start : start + width]]
            offset = int(taken.argmin())
            if not taken[offset]:
                return start + offset
            start, width = start + width, 2 * width
        return self._depth
