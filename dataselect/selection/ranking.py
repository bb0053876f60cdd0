"""From a surveyed pool and what was given to a ranked pool: join, filters, strategies, duplicates, quotas.

Each row that leaves on the way has its reason noted where that happens (`fates`); nothing is read or written here but
the selection that a strategy follows.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dataselect.errors import DataselectError
from dataselect.records import Ranking
from dataselect.selection.budget import most_rows
from dataselect.selection.candidates import candidates_of, length_unit
from dataselect.selection.deduplication import deduplicated
from dataselect.selection.fates import WORDS, Fates
from dataselect.selection.filtering import apply_columns, apply_decontamination
from dataselect.selection.given import Given
from dataselect.selection.join import JoinedScores
from dataselect.selection.length_control import control
from dataselect.selection.plan import Plan
from dataselect.selection.quota import interleaved
from dataselect.selection.ranked_pool import RankedPool, counted
from dataselect.selection.requirements import TOTAL_TOKENS
from dataselect.selection.stages import Stage
from dataselect.selection.survey import Survey
from dataselect.strategies import LENGTH, Candidates
from dataselect.strategies.strings import Strings


class PoolRanking:
    """Ranks a pool, step by step.

    Args:
        plan: What is asked for.
        pool: The pool, with texts where something compares them.
        given: Tables that hold every needed column, and what else is needed.
        joined: The tables, aligned to the pool; its fates are gone on with.
        amount: The budget, resolved.
    """

    def __init__(self, plan: Plan, pool: Survey, given: Given, joined: JoinedScores, amount: int) -> None:
        self._plan, self._pool, self._given, self._joined, self._amount = plan, pool, given, joined, amount
        self._ids, self._sources = Strings(pool.ids), Strings(pool.sources)
        self._tokens = joined.columns.get(TOTAL_TOKENS)
        self._fates: Fates = joined.fates.copy()
        self._stage = np.zeros(len(pool.ids), np.int8)
        self._place = np.zeros(len(pool.ids), np.int32)
        self._score = np.full(len(pool.ids), np.nan)

    def rank(self) -> RankedPool:
        """Filter, rank, and order the rest.

        Raises:
            DataselectError: If no row can be ranked, or an input does not fit the pool.
        """
        apply_columns(self._plan.filters, self._fates, self._sources, self._joined.columns)
        if self._plan.filters.decontaminate or self._plan.filters.targets:
            apply_decontamination(
                self._plan.filters, self._fates, self._pool, self._ids, self._given.evaluation, self._given.vectors
            )
        order, complete = self._fates.still_in, True
        for number, stage in enumerate(self._plan.stages):
            order, complete = self._run(number, stage, self._shortlist(stage, order))
            check_ranked(self._fates, len(order))
        unit = length_unit(self._joined)
        return RankedPool(
            self._ids, self._sources, self._fates, self._stage, self._place, self._score, self._shared_out(order),
            self._tokens, self._joined.columns.get(unit, self._pool.response_bytes), unit, complete, self._plan.quota,
        )  # fmt: skip

    def _shortlist(self, stage: Stage, order: NDArray[np.int64]) -> NDArray[np.int64]:
        """The rows that a stage ranks, ascending."""
        if stage.shortlist is None:
            return order
        size = stage.shortlist.resolve(len(self._ids), None)
        self._fates.leave(order[size:], "not_shortlisted")
        return np.sort(order[:size])

    def _run(self, number: int, stage: Stage, rows: NDArray[np.int64]) -> tuple[NDArray[np.int64], bool]:
        """Rank `rows` by one strategy; the first one's order is the one that duplicates leave."""
        plan, first = self._plan, number == 0
        length_control = plan.length_control if first else None
        limit = None if length_control or (first and plan.filters.dedup) else self._limit(number, rows)
        candidates = candidates_of(plan.stage_needs[number], self._pool, self._joined, self._given, rows, limit)
        ranking = stage.strategy.rank(candidates, stage.seeded(plan.seed, number))
        if length_control is not None:
            ranking = control(ranking, candidates.columns[LENGTH], length_control)
        order = rows[ranking.order]
        self._stage[order], self._place[order] = number + 1, np.arange(1, len(order) + 1)
        self._score[order] = ranking.scores
        last = number == len(plan.stages) - 1
        self._note_unranked(rows, candidates, ranking, "not_reached" if last else "not_shortlisted")
        if first and plan.filters.dedup:
            order = deduplicated(plan.filters, order, self._ids, self._pool.texts, self._given.vectors, self._fates)
        return order, ranking.complete

    def _limit(self, number: int, rows: NDArray[np.int64]) -> int | None:
        """Most places of a strategy's order that will be read; None for all."""
        if number + 1 < len(self._plan.stages):
            shortlist = self._plan.stages[number + 1].shortlist
            assert shortlist is not None, "only the first strategy has no shortlist"
            return shortlist.resolve(len(self._ids), None)
        if self._plan.quota is not None:
            return None
        return most_rows(self._plan.budget.unit, self._amount, None if self._tokens is None else self._tokens[rows])

    def _note_unranked(self, rows: NDArray[np.int64], candidates: Candidates, ranking: Ranking, stopped: str) -> None:
        left = np.ones(len(rows), bool)
        left[ranking.order] = False
        empty = np.zeros(len(rows), bool)
        for values in candidates.columns.values():
            empty |= np.isnan(values)
        self._fates.leave(rows[left & empty], "null_score")
        self._fates.leave(rows[left & ~empty], "dropped_by_rule" if ranking.complete else stopped)

    def _shared_out(self, order: NDArray[np.int64]) -> NDArray[np.int64]:
        if self._plan.quota is None:
            return order
        codes, names = self._sources.encoded()
        shares, groups = self._plan.quota.of(names)
        sizes = np.ones(len(order)) if self._plan.budget.unit == "examples" else counted(self._tokens, order)
        return interleaved(order, groups[codes[order]], sizes, shares)


def check_ranked(fates: Fates, ranked: int) -> None:
    """Refuse a pool of which nothing is left to rank.

    Raises:
        DataselectError: With how many rows left for which reason.
    """
    if ranked == 0:
        told = ", ".join(f"{rows:,} {WORDS.get(reason, reason)}" for reason, rows in fates.counts().items())
        raise DataselectError(f"none of the {len(fates):,} pool rows can be ranked: {told}", "check the score tables")
