"""Several queries share out candidates in turns: each has an order of preference, and one query takes at a time.

    waste   in its r-th turn a query names the r-th of its list; if that one is taken already, the turn is lost
    skip    in its turn a query takes the best of its list that is not taken yet

Queries take turns in the order in which they are given, round after round, until every candidate is taken. Either way
each list holds every candidate, so that nobody is left over, and a longer selection only continues a shorter one.

With `waste` nobody's turn depends on what others do: a candidate is taken in the round of its best place in any list,
by the first query that has it there. One pass over the lists is enough, with memory for one list. With `skip` the
turns are played. Lists are cut to a depth that bounds the memory; when one is used up, all are made anew from the
candidates that are left.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dataselect.strategies.cosine import descending

LIST_CELLS = 2**24
"""Candidates in all lists together of a played round: 128 MiB with their similarities."""

_FIRST_LOOK = 16


@dataclass(frozen=True, slots=True)
class Shares:
    """Who was taken, and how much the taker wanted it.

    Attributes:
        order: (n,) candidates in the order in which they were taken.
        similarity: (n,) float32, aligned with `order`: of each to the query that took it.
    """

    order: NDArray[np.int64]
    similarity: NDArray[np.float32]


def share_wasting(lists: Iterable[NDArray[np.float32]], number: int, queries: int) -> Shares:
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
    return Shares(order, similarity[order])


def share_skipping(
    lists: Callable[[NDArray[np.int64]], Iterator[NDArray[np.float32]]], number: int, queries: int, limit: int
) -> Shares:
    """Share out by `skip`.

    Args:
        lists: Gives, for each query, its similarity to each of the candidates that it is called with.
        number: Of candidates.
        queries: Number of lists, at least one.
        limit: Candidates after which to stop.
    """
    left = np.arange(number)
    parts = [Shares(left[:0], np.zeros(0, np.float32))]
    taken = 0
    while len(left) and taken < limit:
        hand = _Hand(lists(left), len(left), queries)
        part = hand.play(first=taken % queries, most=limit - taken)
        parts.append(Shares(left[part.order], part.similarity))
        taken += len(part.order)
        left = np.delete(left, part.order)
    return Shares(np.concatenate([p.order for p in parts]), np.concatenate([p.similarity for p in parts]))


class _Hand:
    """The tops of all lists over some candidates, and who of these is taken."""

    def __init__(self, lists: Iterable[NDArray[np.float32]], number: int, queries: int) -> None:
        self._depth = min(number, max(1, LIST_CELLS // queries))
        self._tops = np.empty((queries, self._depth), np.int32)
        self._similarity = np.empty((queries, self._depth), np.float32)
        self._taken = np.zeros(number, bool)
        self._place = [0] * queries
        for query, row in enumerate(lists):
            self._tops[query] = descending(row, self._depth)
            self._similarity[query] = row[self._tops[query]]

    def play(self, first: int, most: int) -> Shares:
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
        return Shares(np.array(order, np.int64), np.array(similarity, np.float32))

    def _next_free(self, query: int) -> int:
        """The first place in a query's list, from where it stands, that is not taken; the depth if there is none."""
        start, width = self._place[query], _FIRST_LOOK
        while start < self._depth:
            taken = self._taken[self._tops[query, start : start + width]]
            offset = int(taken.argmin())
            if not taken[offset]:
                return start + offset
            start, width = start + width, 2 * width
        return self._depth
