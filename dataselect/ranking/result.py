"""A finished ranking, and the same as plain values for `rank.json`."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from dataselect.analysis.printable import printable_values
from dataselect.ranking.agreement import PairVerdict, Tau
from dataselect.ranking.bootstrap import CONFIDENCE, RESAMPLES
from dataselect.ranking.measures import ModelMeasures, PoolMeasures
from dataselect.ranking.ordering import Order

CAUTION = (
    "Low perplexity comes first because, over many data sets, it went with larger gains from fine-tuning (Harada et "
    "al. 2025, arXiv 2506.14681). That is a correlation over data sets and no promise for these pools: train on the "
    "first ones and compare."
)


@dataclass(frozen=True, slots=True)
class Target:
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
class Ranking:
    """Pools with their numbers, and their orders with the evidence.

    Attributes:
        pools: As given.
        models: Names, as given.
        same: Names of models that are one given before, with its name.
        target: None without one.
        orders: By perplexity and by bits per byte of each model, then by the similarities.
        taus: How alike two orders are: perplexity of every two different models, and of the first model and similarity.
        verdicts: With several different models: each pair of pools by perplexity.
        seed: Of the bootstrap.
        limit: Most records read from each pool; None for all.
    """

    pools: tuple[PoolMeasures, ...]
    models: tuple[str, ...]
    same: dict[str, str]
    target: Target | None
    orders: tuple[Order, ...]
    taus: tuple[Tau, ...]
    verdicts: tuple[PairVerdict, ...]
    seed: int
    limit: int | None

    def order(self, by: str, model: str | None) -> Order | None:
        """One of the orders; None if there is no such one."""
        return next((one for one in self.orders if (one.by, one.model) == (by, model)), None)

    @property
    def document(self) -> dict[str, Any]:
        """All of it as plain values."""
        plain = {
            "models": self.models,
            "same_models": self.same,
            "limit": self.limit,
            "target": None if self.target is None else asdict(self.target),
            "pools": [_pool(pool) for pool in self.pools],
            "orders": [_order(order) for order in self.orders],
            "agreement": [asdict(tau) for tau in self.taus],
            "pairs": [{**asdict(pair), "alike": pair.alike} for pair in self.verdicts],
            "interval": {"method": "percentile bootstrap over examples", "confidence": CONFIDENCE,
                         "resamples": RESAMPLES, "seed": self.seed},
            "caution": CAUTION,
        }  # fmt: skip
        document: dict[str, Any] = printable_values(plain)
        return document


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


def _order(order: Order) -> dict[str, Any]:
    pairs = [{**asdict(pair), "distinguishable": pair.distinguishable} for pair in order.pairs]
    return {**asdict(order), "pairs": pairs}
