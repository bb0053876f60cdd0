"""From measured pools to a ranking: the orders, how far they agree, and what several models say of each pair."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

from dataselect.ranking.agreement import Tau, kendall, pair_verdicts
from dataselect.ranking.measures import BPB, CENTROID, PPL, SIMILARITY, PoolMeasures
from dataselect.ranking.ordering import Order, order
from dataselect.ranking.result import Ranking, Target


def conclude(
    pools: Sequence[PoolMeasures],
    models: tuple[str, ...],
    target: Target | None,
    seed: int,
    limit: int | None,
    same: Mapping[str, str],
) -> Ranking:
    """Put measured pools in order.

    Args:
        pools: As given by the user.
        models: Names; the first is compared with similarity.
        target: None without one.
        seed: Of the bootstrap, to be told.
        limit: Of records per pool, to be told.
        same: Names of models that are one given before, with its name; they are compared with nothing.
    """
    orders = [order(pools, by, model, "lower") for model in models for by in (PPL, BPB)]
    if target is not None:
        orders += [order(pools, by, None, "higher") for by in (SIMILARITY, CENTROID)]
    distinct = [model for model in models if model not in same]
    by_model = [one for one in orders if one.by == PPL and one.model in distinct]
    verdicts = pair_verdicts(by_model, [pool.pool for pool in pools]) if len(distinct) > 1 else ()
    taus = _taus(pools, distinct, target)
    return Ranking(tuple(pools), models, dict(same), target, _with_pools(orders), taus, verdicts, seed, limit)


def _with_pools(orders: Sequence[Order]) -> tuple[Order, ...]:
    return tuple(one for one in orders if one.pools)


def _taus(pools: Sequence[PoolMeasures], models: Sequence[str], target: Target | None) -> tuple[Tau, ...]:
    by_ppl = {model: {pool.pool: pool.measure(PPL, model).value for pool in pools} for model in models}
    taus = [
        kendall(f"ppl of {a}", f"ppl of {b}", {pool: (by_ppl[a][pool], by_ppl[b][pool]) for pool in by_ppl[a]})
        for a, b in combinations(models, 2)
    ]
    if target is not None:
        first = by_ppl[models[0]]
        both = {pool.pool: (first[pool.pool], _negative(pool.measure(SIMILARITY, None).value)) for pool in pools}
        taus.append(kendall(f"ppl of {models[0]}", SIMILARITY, both))
    return tuple(taus)


def _negative(value: float | None) -> float | None:
    """So that the highest comes first, as the lowest does in the other order."""
    return None if value is None else -value
