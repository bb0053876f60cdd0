"""Rows drawn from a pool that is read once: by chance, and the longest.

Every row gets a key, and those with the largest keys are kept. Where the key is a random number that is a uniform
sample without replacement; where it is the length, the longest. Since a row's key decides whether it is kept, a row
that is not kept is never rendered: a sample of a million rows costs reading them and rendering a few thousand.

`draw_examples` samples all examples of a pool. `draw_rows` samples the rows that a model can score, uniformly over
these whatever share of the pool they are; but a tenth of the sample, rounded down and at least one row, are the longest
scorable rows (in characters), since faults at a limit, at a page of a cache or at the end of a batch show there first,
and chance alone would hardly ever draw them.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np

from dataselect.records import Example, Reject, Rendered

LONGEST_SHARE = 10
"""One in so many rows of a sample of scorable rows is one of the pool's longest."""

T = TypeVar("T")


class Largest(Generic[T]):
    """The `size` items with the largest keys among all that were added; of equal keys the earlier ones."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._heap: list[tuple[float, int, T]] = []
        self._added = 0

    def wants(self, key: float) -> bool:
        """Return whether an item with this key would be kept now."""
        return len(self._heap) < self._size or (self._size > 0 and key > self._heap[0][0])

    def add(self, key: float, item: T) -> None:
        """Keep an item, if its key is among the largest."""
        self._added += 1
        if self.wants(key):
            push = heapq.heappush if len(self._heap) < self._size else heapq.heapreplace
            push(self._heap, (key, -self._added, item))

    @property
    def items(self) -> list[T]:
        """The kept items, largest key first."""
        return [item for _, _, item in sorted(self._heap, key=lambda entry: entry[:2], reverse=True)]


@dataclass(frozen=True, slots=True)
class RowSample:
    """Scorable rows drawn from a pool.

    Attributes:
        rows: In pool order.
        longest: How many of them were taken for their length.
        records: Records of the pool, read or rejected.
    """

    rows: tuple[Rendered, ...]
    longest: int
    records: int


@dataclass(frozen=True, slots=True)
class ExampleSample:
    """Examples drawn from a pool, whether they can be scored or not.

    Attributes:
        examples: In pool order.
        readable: Examples in the pool.
        rejects: Records that cannot be read.
        characters: Of all examples of the pool.
    """

    examples: tuple[Example, ...]
    readable: int
    rejects: int
    characters: int


def draw_examples(records: Iterable[Example | Reject], size: int, seed: int) -> ExampleSample:
    """Draw examples at random; all if there are no more than `size`."""
    rng = np.random.default_rng(seed)
    chosen: Largest[tuple[int, Example]] = Largest(size)
    readable = rejects = length = 0
    for record in records:
        chance = rng.random()
        if isinstance(record, Reject):
            rejects += 1
            continue
        chosen.add(chance, (readable, record))
        readable += 1
        length += characters(record)
    examples = (example for _, example in sorted(chosen.items, key=lambda item: item[0]))
    return ExampleSample(tuple(examples), readable, rejects, length)


def draw_rows(
    records: Iterable[Example | Reject], render: Callable[[Example], Rendered | Reject], size: int, seed: int
) -> RowSample:
    """Draw scorable rows.

    Args:
        records: The pool.
        render: Renders one example.
        size: Rows wanted; all scorable rows if there are no more.
        seed: The same seed draws the same rows of the same pool.
    """
    rng = np.random.default_rng(seed)
    longest: Largest[tuple[int, Rendered]] = Largest(max(1, size // LONGEST_SHARE))
    chosen: Largest[tuple[int, Rendered]] = Largest(size)
    count = 0
    for count, record in enumerate(records, 1):
        chance = rng.random()
        if isinstance(record, Reject):
            continue
        length = characters(record)
        if longest.wants(length) or chosen.wants(chance):
            one = render(record)
            if isinstance(one, Rendered) and one.scorable:
                longest.add(length, (count, one))
                chosen.add(chance, (count, one))
    rows = dict(longest.items)
    for place, one in chosen.items:
        if len(rows) < size:
            rows[place] = one
    return RowSample(tuple(rows[place] for place in sorted(rows)), len(longest.items), count)


def characters(example: Example) -> int:
    """Count the characters of an example's own text, without those that a template adds."""
    if example.text is not None:
        return len(example.text)
    return sum(len(message.full_content) + len(str(message.tool_calls or "")) for message in example.messages)
