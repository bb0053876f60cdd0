"""Strategies one after the other: each orders a shortlist of what the one before it ranked highest.

    --strategy ifd-high --shortlist 20% --then "facility-location(kernel=euclidean)" --budget 2%

is the rule of Superfilter.D (arXiv 2402.00530), if IFD is GPT-2's and the embeddings are those of `facility_location`:
the 20 % of the pool with the highest IFD, and of these the rows that stand for the others. A shortlist is a number of
rows, or per cent of the pool's rows, and does not depend on the budget: a larger budget only appends as long as each
strategy keeps that promise. De-duplication comes before the first shortlist is cut, so that a shortlist holds nothing
twice.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from dataselect.errors import DataselectError, UsageError
from dataselect.selection.budget import Budget, parse_budget
from dataselect.strategies import Strategy
from dataselect.strategies.registry import Member, parse_member


@dataclass(frozen=True, slots=True)
class Then:
    """A strategy that orders a shortlist.

    Attributes:
        shortlist: `N` or `P%`: how many of the best rows so far it orders.
        strategy: Its name, with options in brackets: `kmeans(clusters=50)`.
    """

    shortlist: str
    strategy: str


@dataclass(frozen=True, slots=True)
class Stage:
    """A strategy, its name, and how much of the order before it ranks; None for the first, which ranks all."""

    name: str
    strategy: Strategy
    shortlist: Budget | None = None

    def seeded(self, seed: int, number: int) -> np.random.Generator:
        """Return the generator of the strategy at this place, from 0."""
        return np.random.default_rng(seed if number == 0 else [seed, number])

    @property
    def described(self) -> dict[str, Any]:
        """As the manifest records it."""
        shortlist = None if self.shortlist is None else self.shortlist.text
        return {"shortlist": shortlist, "strategy": self.name, "params": asdict(self.strategy)}


def parse_stages(name: str, strategy: Strategy, then: Iterable[Then]) -> tuple[Stage, ...]:
    """Return the first strategy and those that follow.

    Raises:
        UsageError: If a strategy or an option is unknown, or a shortlist is no number or share of rows.
    """
    return (Stage(name, strategy), *(_stage(one) for one in then))


def _stage(then: Then) -> Stage:
    shortlist = parse_budget(then.shortlist)
    if shortlist.unit == "tokens":
        raise UsageError(f"a shortlist is a number or share of rows, got {then.shortlist!r}", "--shortlist 20%")
    try:
        member: Member = parse_member(then.strategy)
    except ValueError as error:
        raise UsageError(f"--then: {error}", '--then "kmeans(clusters=50)"') from None
    return Stage(member.name, member.strategy, shortlist)


def named(stages: Iterable[Stage]) -> str:
    """Return the name of the whole in files and reports."""
    return " then ".join(stage.name for stage in stages)


def check_sizes(stages: Iterable[Stage], budget: Budget, rows: int) -> None:
    """Refuse shortlists that grow, and a budget that is over the last one.

    Args:
        rows: Rows of the pool.

    Raises:
        DataselectError: If one asks for more than is left to it.
    """
    before, limit = rows, ""
    for stage in stages:
        if stage.shortlist is not None:
            size = stage.shortlist.resolve(rows, None)
            if size > before:
                _over(f"a shortlist of {size:,}", before, limit)
            before, limit = size, f"the shortlist before {stage.name}"
    if limit and budget.unit == "examples" and budget.resolve(rows, None) > before:
        _over(f"the budget of {budget.resolve(rows, None):,}", before, limit)


def _over(what: str, most: int, limit: str) -> None:
    raise DataselectError(f"{what} rows is more than {limit}, {most:,} rows", "make the shortlist larger")
