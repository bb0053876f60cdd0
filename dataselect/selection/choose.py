"""From a surveyed pool and its score tables to the chosen rows: candidates, ranking, cut, and the funnel of counts.

Pure: nothing is read or written here but the selection that a strategy follows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dataselect.errors import ArtifactError, DataselectError, PoolError
from dataselect.records import Ranking
from dataselect.selection.budget import Budget, cut_tokens
from dataselect.selection.join import JoinedScores, join
from dataselect.selection.matching import RESPONSE_TOKENS, matched_lengths
from dataselect.selection.requirements import TOTAL_TOKENS
from dataselect.selection.summary import Counts
from dataselect.selection.survey import Survey
from dataselect.selection.tables import ScoreTable
from dataselect.strategies import LENGTH, Candidates, Needs, Strategy


@dataclass(frozen=True, slots=True)
class Chosen:
    """A cut ranking.

    Attributes:
        ids: The chosen ids, best first.
        scores: What each was ranked by; None where there is no number.
        ranked_by: The columns behind the ranking; `response_bytes` is counted in the pool, the rest is of score tables.
        budget: The resolved number of examples or tokens.
        short: Whether the ranked rows ran out before the budget.
        rendering: How the scored text was rendered; None where no table says.
    """

    ids: list[str]
    scores: list[float | None]
    ranked_by: tuple[str, ...]
    budget: int
    short: bool
    counts: Counts
    rendering: Mapping[str, Any] | None


def choose(strategy: Strategy, budget: Budget, seed: int, pool: Survey, tables: Sequence[ScoreTable]) -> Chosen:
    """Rank the scorable rows of the pool and cut the ranking by the budget.

    Args:
        tables: Tables that hold every column that the strategy and the budget need.

    Raises:
        DataselectError: If the tables contradict each other or the pool, nothing can be ranked, or the budget is over
            the pool or under its first row.
    """
    if not pool.ids:
        raise PoolError(f"the pool has no readable example ({pool.rejects:,} unreadable records)", "check POOL")
    joined = join(pool.ids, tables)
    total = joined.columns.get(TOTAL_TOKENS)
    amount = budget.resolve(len(pool.ids), None if total is None else int(np.nansum(total)))
    ranked_by = _ranked_by(strategy.needs, joined)
    rows = np.flatnonzero(joined.scorable)
    candidates = _candidates(strategy.needs, pool, joined, tables, rows, ranked_by)
    ranking = strategy.rank(candidates, np.random.default_rng(seed))
    tokens = None if total is None else total[rows[ranking.order]]
    funnel = _funnel(pool, joined, tables, candidates, ranking)
    _check_ranked(funnel)
    kept = _cut(tokens, len(ranking.order), amount, budget)
    ids = [pool.ids[row] for row in rows[ranking.order[:kept]]]
    scores = [None if np.isnan(score) else float(score) for score in ranking.scores[:kept]]
    short = kept == len(ranking.order) and amount > (kept if budget.unit == "examples" else _sum(tokens) or 0)
    counts = Counts(**funnel, kept=kept, kept_tokens=None if tokens is None else _sum(tokens[:kept]))
    return Chosen(ids, scores, ranked_by, amount, short, counts, joined.rendering)


def _ranked_by(needs: Needs, joined: JoinedScores) -> tuple[str, ...]:
    length = RESPONSE_TOKENS if RESPONSE_TOKENS in joined.columns else "response_bytes"
    return (*needs.columns, length) if needs.length else needs.columns


def _candidates(
    needs: Needs,
    pool: Survey,
    joined: JoinedScores,
    tables: Sequence[ScoreTable],
    rows: NDArray[np.int64],
    ranked_by: Sequence[str],
) -> Candidates:
    columns = {name: joined.columns[name][rows] for name in needs.columns}
    if needs.length:
        columns[LENGTH] = joined.columns.get(ranked_by[-1], pool.response_bytes)[rows]
    lengths = np.zeros(0) if needs.selection is None else matched_lengths(needs.selection, tables)
    return Candidates([pool.ids[row] for row in rows], columns, lengths)


def _funnel(
    pool: Survey, joined: JoinedScores, tables: Sequence[ScoreTable], candidates: Candidates, ranking: Ranking
) -> dict[str, Any]:
    empty = np.zeros(len(candidates), bool)
    for values in candidates.columns.values():
        empty |= np.isnan(values)
    return {
        "pool_rows": len(pool.ids),
        "rejects": pool.rejects,
        "without_scores": joined.without_scores,
        "unscorable": joined.unscorable,
        "scores_not_in_pool": joined.not_in_pool,
        "not_finite": sum(sum(table.not_finite.values()) for table in tables),
        "candidates": len(candidates),
        "null_score": int(empty.sum()),
        "dropped_by_rule": int((~empty).sum()) - len(ranking.order),
        "ranked": len(ranking.order),
    }


def _check_ranked(funnel: Mapping[str, Any]) -> None:
    if funnel["ranked"] == 0:
        reasons = {
            "without scores": funnel["without_scores"],
            **funnel["unscorable"],
            "no value to rank by": funnel["null_score"],
            "dropped by the strategy's rule": funnel["dropped_by_rule"],
        }
        told = ", ".join(f"{rows:,} {reason}" for reason, rows in reasons.items() if rows)
        raise DataselectError(
            f"none of the {funnel['pool_rows']:,} pool rows can be ranked: {told}", "check the score tables"
        )


def _cut(tokens: NDArray[np.float64] | None, ranked: int, amount: int, budget: Budget) -> int:
    if budget.unit == "examples":
        return min(amount, ranked)
    assert tokens is not None, "a token budget is only cut where tokens are counted"
    uncounted = int(np.isnan(tokens).sum())
    if uncounted:
        raise ArtifactError(
            f"{uncounted:,} rows that can be ranked have no {TOTAL_TOKENS}", "give --scores that count every row"
        )
    return cut_tokens(tokens, amount)


def _sum(tokens: NDArray[np.float64] | None) -> int | None:
    """All tokens, or None where any row is not counted: a part of a sum would look like the sum."""
    return None if tokens is None or np.isnan(tokens).any() else int(tokens.sum())
