"""From a pool index and the selection inputs to a ranked pool: filters, strategies, duplicates, shortlists, quotas.

Each row that is excluded on the way has its reason recorded where that happens (`exclusions`). Nothing is read or
written here but the selection that a strategy follows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dataselect.errors import ArtifactError, DataselectError
from dataselect.progress import measured
from dataselect.records import WHY_NO_IFD, Ranking, why_no_ifd
from dataselect.selection.budget import most_rows
from dataselect.selection.dedup import deduplicated
from dataselect.selection.exclusions import REASON_WORDS, Exclusions
from dataselect.selection.filters import apply_columns, apply_decontamination
from dataselect.selection.inputs import SelectionInputs
from dataselect.selection.join import JoinedScores
from dataselect.selection.length_control import control
from dataselect.selection.pool_index import PoolIndex
from dataselect.selection.quota import interleaved
from dataselect.selection.ranked_pool import RankedPool, counted
from dataselect.selection.request import Plan
from dataselect.selection.score_tables import RESPONSE_TOKENS, TOTAL_TOKENS, ScoreTable
from dataselect.selection.selection_file import selected_ids
from dataselect.selection.stages import Stage
from dataselect.selection.within_source import within_sources
from dataselect.strategies import LENGTH, Candidates, Needs
from dataselect.strategies.contract import REJECTED_TOKENS
from dataselect.strategies.strings import Strings


def rank_pool(plan: Plan, pool: PoolIndex, inputs: SelectionInputs, joined: JoinedScores, amount: int) -> RankedPool:
    """Filter the pool, rank what remains, and order it by duplicates, shortlists and quotas.

    Args:
        pool: With texts where something compares them.
        inputs: Tables that hold every needed column, and what else is needed.
        joined: The tables, aligned to the pool; its exclusions are continued.
        amount: The budget, resolved.

    Raises:
        DataselectError: If no row can be ranked, or an input does not fit the pool.
    """
    return _PoolRanker(plan, pool, inputs, joined, amount).rank()


class _PoolRanker:
    """The ranking of a pool, step by step; arguments as for `rank_pool`."""

    def __init__(self, plan: Plan, pool: PoolIndex, inputs: SelectionInputs, joined: JoinedScores, amount: int) -> None:
        self._plan, self._pool, self._inputs, self._joined, self._amount = plan, pool, inputs, joined, amount
        self._ids, self._sources = Strings(pool.ids), Strings(pool.sources)
        self._tokens = joined.columns.get(TOTAL_TOKENS)
        self._exclusions: Exclusions = joined.exclusions.copy()
        self._stage = np.zeros(len(pool.ids), np.int8)
        self._place = np.zeros(len(pool.ids), np.int32)
        self._score = np.full(len(pool.ids), np.nan)

    def rank(self) -> RankedPool:
        filters, inputs = self._plan.filters, self._inputs
        apply_columns(filters, self._exclusions, self._sources, self._joined.columns, self._joined.texts)
        if filters.decontaminate or filters.targets:
            apply_decontamination(filters, self._exclusions, self._pool, self._ids, inputs.evaluation, inputs.vectors)
        order, complete = self._exclusions.remaining, True
        for number, stage in enumerate(self._plan.stages):
            order, complete = self._run(number, stage, self._shortlist(stage, order))
            check_ranked(self._exclusions, len(order), self._plan.stage_needs[number].columns, inputs.tables)
        unit = length_unit(self._joined)
        return RankedPool(
            ids=self._ids,
            sources=self._sources,
            exclusions=self._exclusions,
            stage=self._stage,
            place=self._place,
            score=self._score,
            order=self._with_quota(order),
            tokens=self._tokens,
            length=self._joined.columns.get(unit, self._pool.response_bytes),
            length_unit=unit,
            complete=complete,
            quota=self._plan.quota,
        )

    def _shortlist(self, stage: Stage, order: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the rows that a stage ranks, ascending."""
        if stage.shortlist is None:
            return order
        size = stage.shortlist.resolve(len(self._ids), None)
        self._exclusions.exclude(order[size:], "not_shortlisted")
        return np.sort(order[:size])

    def _run(self, number: int, stage: Stage, rows: NDArray[np.int64]) -> tuple[NDArray[np.int64], bool]:
        """Rank `rows` by one strategy; length control and de-duplication belong to the first one's order."""
        plan, first = self._plan, number == 0
        length_control = plan.length_control if first else None
        within = plan.within if first else None
        limit = None if length_control or within or (first and plan.filters.dedup) else self._limit(number, rows)
        candidates = candidates_of(plan.stage_needs[number], self._pool, self._joined, self._inputs, rows, limit)
        with measured(f"rank by {stage.name}"):
            ranking = stage.strategy.rank(candidates, stage.seeded(plan.seed, number))
        if length_control is not None:
            ranking = control(ranking, candidates.columns[LENGTH], length_control)
        if within is not None:
            ranking = within_sources(ranking, candidates.sources)
        order = rows[ranking.order]
        self._stage[order], self._place[order] = number + 1, np.arange(1, len(order) + 1)
        self._score[order] = ranking.scores
        last = number == len(plan.stages) - 1
        self._exclude_unranked(rows, candidates, ranking, "not_reached" if last else "not_shortlisted")
        if first and plan.filters.dedup:
            texts, vectors = self._pool.texts, self._inputs.vectors
            order = deduplicated(plan.filters, order, self._ids, texts, vectors, self._exclusions)
        return order, ranking.complete

    def _limit(self, number: int, rows: NDArray[np.int64]) -> int | None:
        """Return the most places of a strategy's order that will be read; None for all."""
        if number + 1 < len(self._plan.stages):
            shortlist = self._plan.stages[number + 1].shortlist
            assert shortlist is not None, "only the first strategy has no shortlist"
            return shortlist.resolve(len(self._ids), None)
        if self._plan.quota is not None:
            return None
        return most_rows(self._plan.budget.unit, self._amount, None if self._tokens is None else self._tokens[rows])

    def _exclude_unranked(
        self, rows: NDArray[np.int64], candidates: Candidates, ranking: Ranking, if_stopped: str
    ) -> None:
        unranked = np.ones(len(rows), bool)
        unranked[ranking.order] = False
        missing = np.zeros(len(rows), bool)
        for values in candidates.columns.values():
            missing |= np.isnan(values)
        self._exclusions.exclude(rows[unranked & missing], "null_score")
        self._exclusions.exclude(rows[unranked & ~missing], "dropped_by_rule" if ranking.complete else if_stopped)

    def _with_quota(self, order: NDArray[np.int64]) -> NDArray[np.int64]:
        if self._plan.quota is None:
            return order
        codes, names = self._sources.encoded()
        shares, groups = self._plan.quota.of(names)
        sizes = np.ones(len(order)) if self._plan.budget.unit == "examples" else counted(self._tokens, order)
        return interleaved(order, groups[codes[order]], sizes, shares)


def check_ranked(exclusions: Exclusions, ranked: int, columns: Sequence[str], tables: Sequence[ScoreTable]) -> None:
    """Refuse a pool of which no row remains to rank.

    Args:
        ranked: Rows that remain.
        columns: What they were to be ranked by.
        tables: Where that came from.

    Raises:
        DataselectError: With how many rows were excluded for which reason.
    """
    if ranked:
        return
    words = {**REASON_WORDS, "null_score": f"{REASON_WORDS['null_score']} ({', '.join(columns)})"}
    counts = exclusions.counts()
    reported = ", ".join(f"{rows:,} {words.get(reason, reason)}" for reason, rows in counts.items())
    message, hint = f"none of the {len(exclusions):,} pool rows can be ranked: {reported}", "check the score tables"
    if counts.get("null_score"):
        reasons = sum((Counter(table.no_ifd) for table in tables), Counter[str]())
        if reasons and not {"ifd", "ifd_loss"}.isdisjoint(columns):
            message += f"; rows without IFD: {why_no_ifd(dict(reasons.most_common()))}"
            hint = WHY_NO_IFD[max(reasons, key=reasons.__getitem__)][1]
    raise DataselectError(message, hint)


def length_unit(joined: JoinedScores) -> str:
    """Return how responses are measured: in tokens where a score table counts them, else in bytes of the pool."""
    return RESPONSE_TOKENS if RESPONSE_TOKENS in joined.columns else "response_bytes"


def ranked_by(needs: Needs, joined: JoinedScores) -> tuple[str, ...]:
    """Return the columns behind the ranking; `response_bytes` is counted in the pool, the rest is of score tables."""
    return (*needs.columns, length_unit(joined)) if needs.length else needs.columns


def candidates_of(
    needs: Needs, pool: PoolIndex, joined: JoinedScores, inputs: SelectionInputs, rows: NDArray[np.int64],
    limit: int | None,
) -> Candidates:  # fmt: skip
    """Return the candidates of a strategy, with what it needs and nothing else.

    Args:
        rows: (n,) ascending rows of the pool.
        limit: Most places that will be read.

    Raises:
        ArtifactError: If the matched selection or the vectors do not fit the pool.
    """
    ids = Strings(pool.ids).take(rows)
    columns = {name: joined.columns[name][rows] for name in needs.columns}
    if needs.length:
        columns[LENGTH] = joined.columns.get(length_unit(joined), pool.response_bytes)[rows]
    vectors, targets = inputs.vectors, inputs.targets
    return Candidates(
        ids,
        columns,
        match_lengths=np.zeros(0) if needs.selection is None else matched_lengths(needs.selection, inputs.tables),
        match_rejected_lengths=(
            matched_lengths(needs.selection, inputs.tables, REJECTED_TOKENS)
            if needs.match_rejected and needs.selection is not None
            else np.zeros(0)
        ),
        match_ids=() if needs.selection is None else selected_ids(needs.selection),
        vectors=vectors.of(ids) if vectors is not None and needs.vectors else None,
        target_vectors=vectors.targets if vectors is not None and needs.targets else np.zeros((0, 0), np.float32),
        target_tasks=vectors.target_tasks if vectors is not None and needs.targets else (),
        texts=[pool.texts[row] for row in rows] if needs.texts else (),
        target_texts=targets.texts if targets is not None and needs.target_texts else (),
        target_text_tasks=targets.tasks if targets is not None and needs.target_texts else (),
        sources=[pool.sources[row] for row in rows] if needs.sources else (),
        limit=limit,
    )


def matched_lengths(path: Path, tables: Sequence[ScoreTable], column: str = RESPONSE_TOKENS) -> NDArray[np.float64]:
    """Return the response tokens of each row of the selection `path`, best first.

    Args:
        column: Of which reply.

    Returns:
        (n_selected,) float64.

    Raises:
        ArtifactError: If the file is not a selection, or the tables have no length for one of its rows.
    """
    ids = selected_ids(path)
    wanted = set(ids)
    lengths: dict[str, float] = {}
    for table in tables:
        for id_, value in zip(table.ids, table.columns.get(column, ()), strict=False):
            if id_ in wanted and not np.isnan(value):
                lengths[id_] = float(value)
    missing = [id_ for id_ in ids if id_ not in lengths]
    if missing:
        raise ArtifactError(
            f"{len(missing):,} of {len(ids):,} rows of {path} have no {column} in the score tables, "
            f"the first being {missing[0]!r}",
            "give the --scores of its pool, and make it with --scores too, so that it holds scored rows only",
        )
    return np.array([lengths[id_] for id_ in ids])
