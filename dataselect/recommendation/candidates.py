"""Candidates: what the search compares. Each is a set of clean pools, a filter, and a rule that orders their rows.

A candidate is named after these, as in `gsm8k.ppl-mid` or `gsm8k+dolly.random`; the name is also that of its folders.
`all.random`, a random draw from all pools, is always the first: it is the control that all others are compared with.

`family` says in which direction a rule looks, so that the search can keep one of each direction although the best
difficulty moves with the budget. `cost` orders candidates that are equally good: the one that is cheapest to make
again wins (0 random of all, 1 random of some, 2 texts, 3 embeddings, 4 scores, 5 scores with IFD).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from typing import Any

from dataselect.errors import ConfigError
from dataselect.recommendation.cleaning import CleanPools
from dataselect.recommendation.grammar import (
    AUDIT_COLUMNS,
    EMBEDDING_COLUMNS,
    IFD_COLUMNS,
    CandidateGrammar,
    PoolSet,
    StrategyEntry,
    share_of,
)
from dataselect.recommendation.pool_names import safe_name
from dataselect.registry import unknown
from dataselect.selection import Filters, SelectRequest
from dataselect.selection.where import Where
from dataselect.strategies import Needs, make_strategy

CONTROL = "all.random"

_FAMILIES = {
    "random": "random", "longest": "length",
    "ppl-low": "low", "grape": "low", "ppl-mid": "mid", "ppl-high": "high", "ifd-high": "high",
    **dict.fromkeys(("similarity", "centroid", "rds-plus", "dsir"), "similarity"),
    **dict.fromkeys(("k-center", "kmeans", "facility-location", "semdedup", "entropy-loo", "zip"), "diversity"),
}  # fmt: skip
_OF_COLUMNS = {
    **dict.fromkeys(EMBEDDING_COLUMNS, "similarity"),
    **dict.fromkeys(("response_tokens", "total_tokens"), "length"),
}


@dataclass(frozen=True, slots=True)
class Candidate:
    """One way to choose rows.

    Attributes:
        name: Unique, and fit for the name of a folder.
        pools: Names of clean pools.
        params: Options of the strategy.
        where: An expression over columns; empty for none.
        quota: `POOL=P%` for each pool of a mixture; empty where pools are one.
        family: random, low, mid, high, length, similarity, diversity, mixture or combination.
        cost: 0 to 5, as the module says.
    """

    name: str
    pools: tuple[str, ...]
    strategy: str
    params: Mapping[str, Any] = field(default_factory=dict)
    where: str = ""
    quota: tuple[str, ...] = ()
    family: str = "random"
    cost: int = 0

    @property
    def needs(self) -> Needs:
        """What its strategy reads."""
        return make_strategy(self.strategy, self.params).needs

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns that its strategy and its filter read."""
        return (*self.needs.columns, *(Where(self.where).columns if self.where else ()))

    @property
    def wants_embeddings(self) -> bool:
        """Whether the rows have to be embedded."""
        return self.needs.vectors or self.needs.targets or not set(self.columns).isdisjoint(EMBEDDING_COLUMNS)

    @property
    def wants_ifd(self) -> bool:
        """Whether the rows have to be scored with IFD."""
        return not set(self.columns).isdisjoint(IFD_COLUMNS)


@dataclass(frozen=True, slots=True)
class _Mix:
    """A set of pools, its name, and the share of each in per cent; no shares where they are one pool."""

    kind: PoolSet
    name: str
    pools: tuple[str, ...]
    shares: tuple[float, ...] = ()


def expand(grammar: CandidateGrammar, pools: Sequence[str]) -> tuple[Candidate, ...]:
    """Combine a grammar with the names of clean pools.

    Returns:
        Distinct candidates, the control first, then in the order of the strategies.

    Raises:
        ConfigError: With every mixture that names a pool which is not there.
    """
    mixes, filters = _mixes(grammar, pools), {"": "", **grammar.filters}
    made = {CONTROL: Candidate(CONTROL, tuple(pools), "random")}
    for entry in grammar.strategies:
        for mix in mixes:
            if entry.pools and mix.kind not in entry.pools:
                continue
            for name, where in filters.items():
                one = _candidate(entry, mix, name, where)
                made.setdefault(one.name, one)
    return tuple(made.values())


def _mixes(grammar: CandidateGrammar, pools: Sequence[str]) -> list[_Mix]:
    wanted = {*grammar.pools, *(kind for entry in grammar.strategies for kind in entry.pools)}
    made = [_Mix("all", "all", tuple(pools))] if "all" in wanted else []
    if len(pools) > 1 and "each" in wanted:
        made += [_Mix("each", name, (name,)) for name in pools]
    if "pairs" in wanted:
        made += [_Mix("pairs", f"{one}+{other}", (one, other), (50.0, 50.0)) for one, other in combinations(pools, 2)]
    return [*made, *_named_mixtures(grammar, pools)]


def _named_mixtures(grammar: CandidateGrammar, pools: Sequence[str]) -> Iterator[_Mix]:
    """The mixtures that the grammar names.

    Raises:
        ConfigError: If pools are not there.
    """
    named = [{pool: safe_name(pool) for pool in mixture} for mixture in grammar.mixtures]
    strangers = {pool: None for names in named for pool, safe in names.items() if safe not in pools}
    if strangers:
        raise ConfigError(f"mixtures: {'; '.join(str(unknown('pool', one, pools)) for one in strangers)}")
    for mixture, names in zip(grammar.mixtures, named, strict=True):
        shares = {names[pool]: share_of(value) or 0.0 for pool, value in mixture.items()}
        name = "+".join(f"{pool}{share:g}" for pool, share in shares.items())
        yield _Mix("mixtures", name, tuple(shares), tuple(shares.values()))


def _candidate(entry: StrategyEntry, mix: _Mix, filter_name: str, where: str) -> Candidate:
    needs = entry.needs
    columns = {*needs.columns, *(Where(where).columns if where else ())}
    quota = tuple(f"{pool}={share:g}%" for pool, share in zip(mix.pools, mix.shares, strict=False))
    is_random = entry.name == "random"
    return Candidate(
        name=".".join(filter(None, (mix.name, entry.shown, filter_name))), pools=mix.pools, strategy=entry.name,
        params=entry.params, where=where, quota=quota,
        family="mixture" if quota and is_random else _family(entry),
        cost=_cost(columns, needs, mix.kind == "all" and is_random),
    )  # fmt: skip


def _cost(columns: set[str], needs: Needs, is_plain: bool) -> int:
    if not columns.isdisjoint(IFD_COLUMNS):
        return 5
    if columns - {*EMBEDDING_COLUMNS, *AUDIT_COLUMNS, "source"}:
        return 4
    if needs.vectors or needs.targets or not columns.isdisjoint(EMBEDDING_COLUMNS):
        return 3
    return 2 if columns or needs.texts or needs.length else 0 if is_plain else 1


def _family(entry: StrategyEntry) -> str:
    """The direction in which a strategy looks; of a column, that of its end."""
    if entry.name in _FAMILIES:
        return _FAMILIES[entry.name]
    strategy = make_strategy(entry.name, entry.params)
    direction = getattr(strategy, "direction", None)
    if direction is None:
        return "combination"
    if entry.name == "column" and strategy.needs.columns[0] in _OF_COLUMNS:
        return _OF_COLUMNS[strategy.needs.columns[0]]
    if entry.name == "mink":  # a high log-probability is a low difficulty
        return {"high": "low", "low": "high"}.get(direction, "mid")
    return str(direction)


def select_request(
    candidate: Candidate,
    pools: CleanPools,
    scores: Path | None,
    embeddings: Path | None,
    budget_tokens: int,
    seed: int,
    out: Path,
    targets: tuple[str, ...] = (),
) -> SelectRequest:
    """The request that selects a candidate's rows.

    The same tables are given whatever the rule reads, so that every candidate chooses among the same rows.

    Args:
        scores: Folder of `score`; it counts the tokens of the budget.
        embeddings: Folder of `embed`.
        targets: Files of the target set, for strategies that compare words.
    """
    reads_audit = pools.table is not None and not set(candidate.columns).isdisjoint(AUDIT_COLUMNS)
    tables = (scores, pools.table if reads_audit else None)
    shares = dict(one.rpartition("=")[::2] for one in candidate.quota)
    return SelectRequest(
        pools=tuple(str(pools.files[name]) for name in candidate.pools), strategy=candidate.strategy,
        budget=f"{budget_tokens}tok", out=out, params=dict(candidate.params),
        scores=tuple(table for table in tables if table is not None), embeddings=embeddings, seed=seed,
        columns=pools.columns, targets=targets if candidate.needs.target_texts else (),
        filters=Filters(where=candidate.where), label=candidate.name, overwrite=True,
        quota=tuple(f"{pools.files[name].name}={share}" for name, share in shares.items()),
    )  # fmt: skip
