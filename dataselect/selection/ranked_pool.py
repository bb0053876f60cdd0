"""A ranked pool, before and after the budget cuts it.

Ranking is expensive, cutting is not. The two are separate, so that a ranking in a file (`ranking_file`) can be cut
again by another budget without any score, embedding or text.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dataselect.errors import ArtifactError, DataselectError
from dataselect.selection.budget import Budget, cut_tokens, fitting
from dataselect.selection.exclusions import Exclusions
from dataselect.selection.quota import Quota, ran_out
from dataselect.selection.score_tables import TOTAL_TOKENS
from dataselect.strategies.strings import Strings


@dataclass(frozen=True, slots=True)
class RankedPool:
    """Every row of a pool, with its place and score.

    Attributes:
        ids: (n_pool,) distinct ids, ascending.
        sources: (n_pool,) the file that each came from.
        exclusions: Why rows are not ranked.
        stage: (n_pool,) int8, the last strategy that ranked the row, from 1; 0 for none.
        place: (n_pool,) int32, its place in the order of that strategy, from 1; 0 for none.
        score: (n_pool,) float64, what it was ranked by there; NaN where there is no number.
        order: (n_ranked,) rows, best first, without duplicates and with quotas.
        tokens: (n_pool,) `total_tokens`, NaN where not counted; None where no table counts them.
        length: (n_pool,) length of the response, NaN where unknown.
        length_unit: "response_tokens" or "response_bytes".
        complete: False where a strategy stopped at the most places that the budget could fill.
        quota: The quota that the order follows.
    """

    ids: Strings
    sources: Strings
    exclusions: Exclusions
    stage: NDArray[np.int8]
    place: NDArray[np.int32]
    score: NDArray[np.float64]
    order: NDArray[np.int64]
    tokens: NDArray[np.float64] | None
    length: NDArray[np.float64]
    length_unit: str
    complete: bool
    quota: Quota | None = None

    def scores_of(self, rows: NDArray[np.int64]) -> list[float | None]:
        """Return what each of `rows` was ranked by; None where there is no number."""
        return [None if np.isnan(score) else float(score) for score in self.score[rows]]


@dataclass(frozen=True, slots=True)
class Cut:
    """The part of a ranking that a budget keeps.

    Attributes:
        rows: (n_kept,) rows of the pool, best first.
        amount: The resolved number of examples or tokens.
        short: Whether the ranked rows ran out before the budget.
        tokens: `total_tokens` of the kept rows; None where they are not all counted.
        exclusions: Why each row is not chosen.
        ran_out: Sources that could not fill their quota.
    """

    rows: NDArray[np.int64]
    amount: int
    short: bool
    tokens: int | None
    exclusions: Exclusions
    ran_out: tuple[str, ...]


def cut(ranked: RankedPool, budget: Budget) -> Cut:
    """Keep the best rows within a budget.

    Raises:
        DataselectError: If the budget is over the pool, under its first row, or over the places that were ranked.
        ArtifactError: If tokens are asked for and not counted.
    """
    if budget.unit == "tokens" and ranked.tokens is None:
        raise DataselectError(f"the budget {budget.text} needs the column {TOTAL_TOKENS}", "rank it with --scores DIR")
    amount = budget.resolve(len(ranked.ids), None if ranked.tokens is None else int(np.nansum(ranked.tokens)))
    if budget.unit == "examples":
        kept = min(amount, len(ranked.order))
    else:
        kept = cut_tokens(counted(ranked.tokens, ranked.order), amount)
    rows = ranked.order[:kept]
    tokens = None if ranked.tokens is None or np.isnan(ranked.tokens[rows]).any() else int(ranked.tokens[rows].sum())
    unmet = kept == len(ranked.order) and amount > (kept if budget.unit == "examples" else tokens or 0)
    if unmet and not ranked.complete:
        _check_reached(ranked, kept, budget, amount, tokens or 0)
    exclusions = ranked.exclusions.copy()
    exclusions.exclude(np.setdiff1d(_without_quota(ranked, amount, budget), rows), "quota")
    exclusions.exclude(np.setdiff1d(exclusions.remaining, rows, assume_unique=True), "over_budget")
    return Cut(
        rows=rows,
        amount=amount,
        short=unmet and ranked.complete,
        tokens=tokens,
        exclusions=exclusions,
        ran_out=_ran_out(ranked, rows, budget),
    )


def _check_reached(ranked: RankedPool, kept: int, budget: Budget, amount: int, tokens: int) -> None:
    """Refuse a budget with room for rows that were never ranked."""
    beyond = ranked.exclusions.of("not_reached")
    if budget.unit == "examples" or bool((counted(ranked.tokens, beyond) <= amount - tokens).any()):
        raise DataselectError(
            f"the ranking stopped at {kept:,} rows, and the budget asks for {amount:,} {budget.unit}",
            "select again with --strategy and this budget",
        )


def _without_quota(ranked: RankedPool, amount: int, budget: Budget) -> NDArray[np.int64]:
    """Return the rows that the budget would keep without the quota; none where there is no quota."""
    if ranked.quota is None:
        return ranked.order[:0]
    plain = ranked.order[np.argsort(ranked.place[ranked.order], kind="stable")]
    return plain[: amount if budget.unit == "examples" else fitting(counted(ranked.tokens, plain), amount)]


def counted(tokens: NDArray[np.float64] | None, rows: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the tokens of `rows`, all of them counted.

    Raises:
        ArtifactError: If some are not.
    """
    assert tokens is not None, "tokens are only asked for where they are counted"
    uncounted = int(np.isnan(tokens[rows]).sum())
    if uncounted:
        raise ArtifactError(
            f"{uncounted:,} rows that can be ranked have no {TOTAL_TOKENS}", "give --scores that count every row"
        )
    return tokens[rows]


def _ran_out(ranked: RankedPool, rows: NDArray[np.int64], budget: Budget) -> tuple[str, ...]:
    if ranked.quota is None or len(rows) == len(ranked.order):
        return ()
    codes, names = ranked.sources.encoded()
    shares, groups = ranked.quota.of(names)
    sizes = np.ones(len(codes)) if budget.unit == "examples" else ranked.tokens
    assert sizes is not None

    def amounts(some: NDArray[np.int64]) -> NDArray[np.float64]:
        return np.bincount(groups[codes[some]], sizes[some], len(shares)).astype(np.float64)

    out = ran_out(amounts(rows), amounts(ranked.order), shares, float(sizes[ranked.order].max()))
    return tuple(name for name, group in zip(names, groups, strict=True) if out[group])
