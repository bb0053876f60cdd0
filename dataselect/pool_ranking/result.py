"""A finished ranking: how it follows from measured pools, and the same as plain values for `rank.json`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any

from dataselect.comparison.excerpts import printable_values
from dataselect.comparison.intervals import CONFIDENCE
from dataselect.pool_ranking.bootstrap import RESAMPLES
from dataselect.pool_ranking.measures import BPB, CENTROID, PPL, RSR, SIMILARITY, ModelMeasures, PoolMeasures
from dataselect.pool_ranking.orders import KendallTau, PairVerdict, PoolOrder, kendall, order_pools, pair_verdicts

CAUTION = (
    "Low perplexity comes first because, over many data sets, it correlated with larger gains from fine-tuning (Harada "
    "et al. 2025, arXiv 2506.14681). That is a correlation over data sets and no promise for these pools: train on the "
    "first ones and compare."
)


@dataclass(frozen=True, slots=True)
class RankTarget:
    """The target set that pools were compared with.

    Attributes:
        files: Names.
        examples: Of them, those with an embedding.
        top_k: Nearest ones that a row's similarity averages over.
        encoder: As the user named it.
    """

    files: tuple[str, ...]
    examples: int
    top_k: int
    encoder: str


@dataclass(frozen=True, slots=True)
class ReadLimit:
    """The part of each pool that was read.

    Attributes:
        limit: Most records; None for all.
        sample_seed: What drew them; None for the first ones.
    """

    limit: int | None = None
    sample_seed: int | None = None


@dataclass(frozen=True, slots=True)
class PoolRanking:
    """Pools with their numbers, and their orders with the evidence.

    Attributes:
        pools: As given.
        models: Names, as given.
        same: Name of a model that is the same as an earlier one -> the earlier name.
        target: None without one.
        orders: By perplexity and by bits per byte of each model, by the similarities, then by the rank-surprisal ratio
            of each model.
        taus: Agreement of two orders: perplexity of every two different models, and of the first model and similarity.
        verdicts: With several different models: each pair of pools by perplexity.
        seed: Of the bootstrap.
        read_limit: How much of each pool was read.
    """

    pools: tuple[PoolMeasures, ...]
    models: tuple[str, ...]
    same: dict[str, str]
    target: RankTarget | None
    orders: tuple[PoolOrder, ...]
    taus: tuple[KendallTau, ...]
    verdicts: tuple[PairVerdict, ...]
    seed: int
    read_limit: ReadLimit

    @property
    def length_taus(self) -> tuple[KendallTau, ...]:
        """For each different model: agreement of the order by perplexity with that by mean length, longest first."""
        return tuple(
            kendall(
                f"ppl of {model}", "response tokens",
                {pool.pool: (pool.measure(PPL, model).value, _longest_first(pool, model)) for pool in self.pools},
            )
            for model in self.models
            if model not in self.same
        )  # fmt: skip

    def order(self, by: str, model: str | None) -> PoolOrder | None:
        """Return one of the orders; None if there is no such one."""
        return next((one for one in self.orders if (one.by, one.model) == (by, model)), None)

    @property
    def document(self) -> dict[str, Any]:
        """All of it as plain values."""
        plain = {
            "models": self.models,
            "same_models": self.same,
            "limit": self.read_limit.limit,
            "sample_seed": self.read_limit.sample_seed,
            "target": None if self.target is None else asdict(self.target),
            "pools": [_pool(pool) for pool in self.pools],
            "orders": [
                {**asdict(order), "pairs": [{**asdict(p), "distinguishable": p.distinguishable} for p in order.pairs]}
                for order in self.orders
            ],
            "agreement": [asdict(tau) for tau in self.taus],
            "length_agreement": [asdict(tau) for tau in self.length_taus],
            "pairs": [{**asdict(pair), "alike": pair.alike} for pair in self.verdicts],
            "interval": {"method": "percentile bootstrap over examples", "confidence": CONFIDENCE,
                         "resamples": RESAMPLES, "seed": self.seed},
            "caution": CAUTION,
        }  # fmt: skip
        document: dict[str, Any] = printable_values(plain)
        return document


def _longest_first(pool: PoolMeasures, model: str) -> float | None:
    mean = pool.models[model].lengths.mean
    return None if mean is None else -mean


def _pool(pool: PoolMeasures) -> dict[str, Any]:
    return {
        "pool": pool.pool,
        "rows": pool.rows,
        "rejects": pool.rejects,
        "removed_for_overlap": pool.removed,
        "defects": [asdict(defect) for defect in pool.defects],
        "models": {name: _model(measures) for name, measures in pool.models.items()},
        **{name: measure.document for name, measure in pool.similarities.items()},
    }


def _model(measures: ModelMeasures) -> dict[str, Any]:
    return {
        "scored": measures.scored,
        "statuses": measures.statuses,
        "rejects": measures.rejects,
        "response_tokens": asdict(measures.lengths),
        **{name: measure.document for name, measure in measures.measures.items()},
    }


def build_ranking(
    pools: Sequence[PoolMeasures], models: tuple[str, ...], target: RankTarget | None, seed: int,
    read_limit: ReadLimit, same: Mapping[str, str],
) -> PoolRanking:  # fmt: skip
    """Put measured pools in order.

    Args:
        pools: As given by the user.
        models: Names; the first is compared with similarity.
        target: None without one.
        seed, read_limit: Recorded in the ranking.
        same: Name of a model that is the same as an earlier one -> the earlier name; it is compared with nothing.
    """
    orders = [order_pools(pools, by, model, "lower") for model in models for by in (PPL, BPB)]
    if target is not None:
        orders += [order_pools(pools, by, None, "higher") for by in (SIMILARITY, CENTROID)]
    orders += [order_pools(pools, RSR, model, "lower") for model in models]
    distinct = [model for model in models if model not in same]
    by_model = [one for one in orders if one.by == PPL and one.model in distinct]
    verdicts = pair_verdicts(by_model, [pool.pool for pool in pools]) if len(distinct) > 1 else ()
    return PoolRanking(
        pools=tuple(pools), models=models, same=dict(same), target=target,
        orders=tuple(one for one in orders if one.pools), taus=_taus(pools, distinct, target), verdicts=verdicts,
        seed=seed, read_limit=read_limit,
    )  # fmt: skip


def _taus(pools: Sequence[PoolMeasures], models: Sequence[str], target: RankTarget | None) -> tuple[KendallTau, ...]:
    by_ppl = {model: {pool.pool: pool.measure(PPL, model).value for pool in pools} for model in models}
    taus = [
        kendall(f"ppl of {a}", f"ppl of {b}", {pool: (by_ppl[a][pool], by_ppl[b][pool]) for pool in by_ppl[a]})
        for a, b in combinations(models, 2)
    ]
    if target is not None:
        first = by_ppl[models[0]]
        near = {pool.pool: pool.measure(SIMILARITY, None).value for pool in pools}
        # the highest similarity comes first, as the lowest perplexity does
        both = {pool: (first[pool], None if value is None else -value) for pool, value in near.items()}
        taus.append(kendall(f"ppl of {models[0]}", SIMILARITY, both))
    return tuple(taus)
