"""Quotas: how much of a selection comes from each source.

    even                     every source has the same share
    a.jsonl=30% b.jsonl=20%  these have theirs; sources that are not named share the rest, as the strategy ranks them

The ranking is interleaved so that each prefix has the shares up to rounding to whole rows: with W the examples (or
tokens, under a token budget) of a source that come before a row, w those of the row and s the source's share, rows are
ordered by (W + w/2) / s, which is Webster's rule for apportioning seats. Inside a source the strategy's order stays.
The order does not depend on the budget, so that budgets nest as before. A source that runs out leaves its share to the
others in proportion to theirs. Shares that add up to 100% leave nothing to sources that are not named, until the named
ones run out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from dataselect.errors import DataselectError, UsageError
from dataselect.registry import unknown

_FORM = re.compile(r"(.+)=([0-9]+(?:\.[0-9]+)?)%", re.ASCII | re.DOTALL)
_HINT = "--quota even, or --quota SOURCE=P% once for each source"


@dataclass(frozen=True, slots=True)
class Quota:
    """Shares of sources.

    Attributes:
        shares: source -> per cent; empty where all have the same.
    """

    shares: Mapping[str, float] = field(default_factory=dict)

    @property
    def described(self) -> str | dict[str, float]:
        """As the manifest records it; `Quota.recorded` reads it."""
        return dict(self.shares) or "even"

    @classmethod
    def recorded(cls, value: str | Mapping[str, float] | None) -> Quota | None:
        """Read the quota from a manifest."""
        return None if value is None else cls({} if isinstance(value, str) else value)

    def of(self, sources: Sequence[str]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Return the share of each group of sources, and the group of each source.

        Args:
            sources: The sources of the pool.

        Raises:
            UsageError: If a source that is named is not among them.
            DataselectError: If all are named and the shares do not add up to 100%.
        """
        if not self.shares:
            return np.full(len(sources), 1 / len(sources)), np.arange(len(sources))
        for name in self.shares:
            if name not in sources:
                raise unknown("source in --quota", name, sources)
        rest = 100 - sum(self.shares.values())
        named = list(self.shares)
        if len(named) == len(sources) and rest > 1e-9:
            raise DataselectError(
                f"the quotas of all sources add up to {100 - rest:g}%, not to 100%", "leave one out: it gets the rest"
            )
        groups = np.array([named.index(name) if name in self.shares else len(named) for name in sources])
        return np.array([*self.shares.values(), max(0.0, rest)]) / 100, groups


def parse_quota(given: Sequence[str]) -> Quota | None:
    """Read `even`, or `SOURCE=P%` for one or more sources; None where nothing is given.

    Raises:
        UsageError: If it is neither, a source comes twice, or the shares are over 100%.
    """
    if not given:
        return None
    if "even" in given:
        if len(given) > 1:
            raise UsageError("--quota even cannot be combined with another --quota", _HINT)
        return Quota()
    shares: dict[str, float] = {}
    for one in given:
        found = _FORM.fullmatch(one)
        if found is None or float(found[2]) == 0:
            raise UsageError(f"expected a quota such as even or pool.jsonl=30%, got {one!r}", _HINT)
        if found[1] in shares:
            raise UsageError(f"--quota {found[1]} is given twice")
        shares[found[1]] = float(found[2])
    if sum(shares.values()) > 100 + 1e-9:
        raise UsageError(f"the quotas add up to {sum(shares.values()):g}%", "give at most 100% in all")
    return Quota(shares)


def interleaved(
    order: NDArray[np.int64], groups: NDArray[np.int64], sizes: NDArray[np.float64], shares: NDArray[np.float64]
) -> NDArray[np.int64]:
    """Reorder a ranking so that every prefix has the shares.

    Args:
        order: (n_ranked,) rows, best first.
        groups: (n_ranked,) the group of each, in the same order.
        sizes: (n_ranked,) what each counts for: 1, or its tokens.
        shares: (n_groups,) share of each group; a group without any comes last.
    """
    by_group = np.argsort(groups, kind="stable")
    running = np.cumsum(sizes[by_group])
    starts = np.flatnonzero(np.diff(groups[by_group], prepend=-1))
    before = np.repeat(running[starts] - sizes[by_group][starts], np.diff(np.append(starts, len(order))))
    with np.errstate(divide="ignore"):
        spot = (running - before - sizes[by_group] / 2) / shares[groups[by_group]]
    places: NDArray[np.int64] = by_group[np.lexsort((by_group, spot))]
    return order[places]


def ran_out(
    chosen: NDArray[np.float64], available: NDArray[np.float64], shares: NDArray[np.float64], largest: float
) -> NDArray[np.bool_]:
    """Mark the groups that gave all they have and still fell short of their share, by more than one row.

    Args:
        chosen: (n_groups,) what each gave.
        available: (n_groups,) what each could give.
        largest: Size of the largest row.
    """
    out: NDArray[np.bool_] = (chosen >= available) & (chosen + largest <= shares * chosen.sum())
    return out
