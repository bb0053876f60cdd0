"""Groups of items that say nearly the same, closed over chains: if A resembles B and B resembles C, all three are one.

The rule is that of `select --dedup ngram`; candidates come from the band keys of the audit, which need NumPy only, so
that the groups do not depend on what is installed. In a set of more than 64 items that share a key, each is compared
with the item before it and with the first only, since what shares a key so often is one group in practice.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations

from dataselect.selection.band_keys import BandKeys
from dataselect.selection.dedup import jaccard, shingles
from dataselect.selection.filters import Filters
from dataselect.strategies import Text

_COMPARED = 64


def near_groups(texts: Sequence[Text], contents: Sequence[str]) -> list[list[int]]:
    """Group items by what they say.

    Args:
        texts: (n,) what is compared.
        contents: (n,) the whole of each item: equal ones are one group, whatever their texts are.

    Returns:
        The groups, each ascending, in the order of their first items.
    """
    joined = _Joined(len(texts))
    first: dict[str, int] = {}
    for row, content in enumerate(contents):
        joined.join(first.setdefault(content, row), row)
    keys, said = BandKeys(), [shingles(text) for text in texts]
    for own in said:
        keys.add(own)
    threshold = Filters().dedup_threshold
    for bucket in keys.buckets():
        for one, other in _pairs(bucket):
            if joined.root(one) != joined.root(other) and jaccard(said[one], said[other]) >= threshold:
                joined.join(one, other)
    return joined.groups()


def _pairs(bucket: Sequence[int]) -> Iterator[tuple[int, int]]:
    if len(bucket) <= _COMPARED:
        yield from combinations(bucket, 2)
        return
    for place in range(1, len(bucket)):
        yield bucket[place - 1], bucket[place]
        yield bucket[0], bucket[place]


class _Joined:
    """Disjoint sets of numbers below n."""

    def __init__(self, n: int) -> None:
        self._above = list(range(n))

    def root(self, row: int) -> int:
        """The smallest member of a number's set."""
        while self._above[row] != row:
            self._above[row] = self._above[self._above[row]]
            row = self._above[row]
        return row

    def join(self, one: int, other: int) -> None:
        """Make the sets of two numbers one."""
        low, high = sorted((self.root(one), self.root(other)))
        self._above[high] = low

    def groups(self) -> list[list[int]]:
        """All sets."""
        found: dict[int, list[int]] = {}
        for row in range(len(self._above)):
            found.setdefault(self.root(row), []).append(row)
        return list(found.values())
