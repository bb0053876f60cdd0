"""Reciprocal-rank fusion: rows that several strategies place high, whatever their scores are measured in.

Rule: with rank_s(x) the place of a row in the order of strategy s, from 1,

    score(x) = sum over s of 1 / (k + rank_s(x))

descending; a strategy that does not rank a row adds nothing for it. Paper: Cormack, Clarke and Büttcher 2009,
"Reciprocal Rank Fusion outperforms Condorcet and individual Rank Learning Methods" (SIGIR), with its k of 60.
Direction: high. Nesting: yes. A row that no member ranks is not ranked; one that a member drops may still come in by
the others, so that a member's rule is a vote here and not a filter (`--where` and `--then` are filters). Sums are
rounded to twelve decimals, so that rows that swap their places tie and go by id.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from dataselect.records import Ranking
from dataselect.strategies.contract import Candidates, Needs, combine_needs, restrict
from dataselect.strategies.ordering import ascending
from dataselect.strategies.registry import parse_members


@dataclass(frozen=True, slots=True)
class Rrf:
    """Descending sum of reciprocal ranks.

    Attributes:
        of: Two or more strategies, separated by commas, options in brackets: `ppl-low(scope=sequence),similarity`.
        k: How little the first places count over the later ones.
    """

    summary: ClassVar[str] = "rows that several strategies place high (of=NAME,NAME): sum of 1 / (60 + rank)"
    paper: ClassVar[str] = "10.1145/1571941.1572114"
    nests: ClassVar[bool] = True

    of: str
    k: int = 60

    def __post_init__(self) -> None:
        if self.k < 0:
            raise ValueError(f"k: expected at least 0, got {self.k}")
        if len(parse_members(self.of)) < 2:
            raise ValueError(f"of: expected two or more strategies, separated by commas, got {self.of!r}")
        combine_needs(member.strategy.needs for member in parse_members(self.of))

    @property
    def by_score(self) -> bool:
        """True where it is so for all members."""
        return all(member.strategy.by_score for member in parse_members(self.of))

    @property
    def needs(self) -> Needs:
        """Needs of all members together."""
        return combine_needs(member.strategy.needs for member in parse_members(self.of))

    def rank(self, candidates: Candidates, rng: np.random.Generator) -> Ranking:
        """Let each member rank all candidates, and add up; the score is the sum."""
        fused, ranked = np.zeros(len(candidates)), np.zeros(len(candidates), bool)
        members = parse_members(self.of)
        for member, own in zip(members, rng.spawn(len(members)), strict=True):
            order = member.strategy.rank(restrict(candidates, member.strategy.needs), own).order
            fused[order] += 1.0 / (self.k + np.arange(1, len(order) + 1))
            ranked[order] = True
        fused = np.where(ranked, np.round(fused, 12), np.nan)
        return ascending(-fused, fused)
