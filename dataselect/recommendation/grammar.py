"""The grammar of candidates: which pools and mixtures, which filters and which strategies the search tries.

    pools: [all, each, pairs]           all pools as one, each alone, every two of them half and half
    mixtures: [{a: 70%, b: 30%}]        shares of tokens, of pools by name
    filters: {short: response_tokens < 300}
    strategies: [ppl-mid, {name: bpb, params: {direction: high}, label: bpb-high, pools: [all]}]

Every strategy is tried on every set of pools, with and without every filter; `pools` of a strategy restricts it. A key
that is left out has its default, which depends on the number of pools. All faults are reported together.

A filter may name the columns of scores and embeddings, and those of the audit (`lang`, `turns`, and a column of 0 and 1
for each kind of finding). Left out: strategies that need what the search does not make, such as a second model's
scores, ratings, or another selection.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from dataselect.config import build, load_yaml
from dataselect.errors import UsageError
from dataselect.recommendation.audit.kinds import BITS
from dataselect.registry import unknown
from dataselect.selection.where import Where
from dataselect.strategies import Needs, make_strategy

PoolSet = Literal["all", "each", "pairs", "mixtures"]

IFD_COLUMNS = ("ifd", "ifd_loss")
EMBEDDING_COLUMNS = ("similarity", "centroid_similarity")
SCORE_COLUMNS = (
    "ppl", "sequence_ppl", "bits_per_byte", "mink_20", "shifted_fraction", "response_nll", "response_tokens",
    "total_tokens", *IFD_COLUMNS,
)  # fmt: skip
AUDIT_COLUMNS = ("lang", "turns", "prompt_characters", "response_characters", *BITS)

_NAME = re.compile(r"[\w-]{1,40}")
_SHARE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*%?\s*", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class StrategyEntry:
    """One entry under `strategies`.

    Attributes:
        name: The strategy.
        params: Its options.
        label: Its name in candidates; empty for the strategy's name with the values of its options.
        pools: The sets of pools that it is tried on; empty for all of the grammar.
    """

    name: str
    params: dict[str, Any] = field(default_factory=dict)
    label: str = ""
    pools: tuple[PoolSet, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what the search cannot run."""
        if self.label and not _NAME.fullmatch(self.label):
            raise ValueError(f"label: expected up to 40 letters, digits, - or _, got {self.label!r}")
        if self.name in ("full", "length-matched-random"):
            raise ValueError(f"{self.name} is a control and no candidate: random on all pools is always among them")
        for column in self.needs.columns:
            if column not in (*SCORE_COLUMNS, *EMBEDDING_COLUMNS):
                known = ", ".join((*SCORE_COLUMNS, *EMBEDDING_COLUMNS))
                raise ValueError(f"{self.name} needs the column {column}, which the search does not make ({known})")

    @property
    def needs(self) -> Needs:
        """What the strategy reads.

        Raises:
            UsageError: If the strategy or one of its options is not known.
        """
        return make_strategy(self.name, self.params).needs

    @property
    def shown(self) -> str:
        """Its name in candidates."""
        values = [re.sub(r"[^\w-]+", "-", str(value)).strip("-") for value in self.params.values()]
        return self.label or "-".join(filter(None, (self.name, *values)))[:60]


@dataclass(frozen=True, slots=True, kw_only=True)
class CandidateGrammar:
    """What is combined into candidates. The keys of the YAML file are these fields."""

    pools: tuple[PoolSet, ...] = ("all", "each")
    """Sets of pools: all as one, each alone, every two half and half."""

    mixtures: tuple[dict[str, Any], ...] = ()
    """Further sets: pool -> per cent of the tokens."""

    filters: dict[str, str] = field(default_factory=dict)
    """Name -> an expression as `--where` takes it; every candidate is tried with and without."""

    strategies: tuple[StrategyEntry, ...] = (StrategyEntry(name="random"),)
    """The rules that choose rows."""

    def __post_init__(self) -> None:
        """Check what lies between the keys."""
        faults = [fault for mixture in self.mixtures for fault in _mixture_faults(mixture)]
        faults += [fault for name, where in self.filters.items() for fault in _filter_faults(name, where)]
        shown = [entry.shown for entry in self.strategies]
        faults += [
            f"strategies: two are called {one}, give one a label"
            for one in dict.fromkeys(shown)
            if shown.count(one) > 1
        ]
        faults += [f"{name}: expected at least one" for name in ("pools", "strategies") if not getattr(self, name)]
        if faults:
            raise ValueError("; ".join(faults))


def _mixture_faults(mixture: Mapping[str, Any]) -> list[str]:
    shares = {name: share_of(value) for name, value in mixture.items()}
    shown = ", ".join(f"{name}: {value}" for name, value in mixture.items())
    faults = [
        f"mixtures: expected per cent over 0, such as 70%, for {name}, got {mixture[name]!r}"
        for name, share in shares.items()
        if not share
    ]
    total = sum(share or 0.0 for share in shares.values())
    if not faults and abs(total - 100) > 1e-6:
        faults.append(f"mixtures: {{{shown}}} adds up to {total:g} %, not to 100 %")
    if len(mixture) < 2:
        faults.append(f"mixtures: {{{shown}}} should name two pools or more")
    return faults


def share_of(value: object) -> float | None:
    """Read per cent, with or without its sign; None for anything else."""
    found = None if isinstance(value, bool) else _SHARE.fullmatch(str(value))
    return float(found[1]) if found else None


def _filter_faults(name: str, where: str) -> list[str]:
    if not _NAME.fullmatch(name):
        return [f"filters: expected a name of up to 40 letters, digits, - or _, got {name!r}"]
    known = (*SCORE_COLUMNS, *EMBEDDING_COLUMNS, *AUDIT_COLUMNS, "source")
    try:
        columns = Where(where).columns
    except UsageError as error:
        return [f"filters.{name}: {error}"]
    return [f"filters.{name}: {unknown('column', one, known)}" for one in columns if one not in known]


def default_grammar(n_pools: int, encoder: bool = True) -> CandidateGrammar:
    """The candidates that are tried where the user gives no grammar.

    Args:
        n_pools: Up to three pools get every direction alone; from four on each pool alone keeps random, the middle and
            similarity (whose direction needs no guess), from ten on random only. Pairs are tried up to four pools.
        encoder: Whether embeddings are made.
    """
    several: tuple[PoolSet, ...] = ("all", "each")
    directions: tuple[PoolSet, ...] = several if n_pools <= 3 else ("all",)
    best_alone: tuple[PoolSet, ...] = several if n_pools < 10 else ("all",)
    mixed: tuple[PoolSet, ...] = ("pairs",) if 2 <= n_pools <= 4 else ()
    entries = [
        StrategyEntry(name="random", pools=(*several, *mixed, "mixtures")),
        StrategyEntry(name="ppl-low", pools=directions),
        StrategyEntry(name="ppl-mid", pools=best_alone),
        StrategyEntry(name="ppl-high", pools=directions),
        StrategyEntry(name="ifd-high", pools=directions),
        StrategyEntry(name="longest", pools=("all",)),
    ]
    if encoder:
        entries.append(StrategyEntry(name="similarity", pools=best_alone))
    if encoder and n_pools == 1:
        entries.append(StrategyEntry(name="k-center", pools=("all",)))
    return CandidateGrammar(pools=(*several, *mixed), strategies=tuple(entries))


def read_grammar(path: Path, default: CandidateGrammar) -> CandidateGrammar:
    """Read a grammar from YAML; a key that it leaves out is that of `default`.

    Raises:
        ConfigError: With every fault, near matches included.
    """
    given = load_yaml(path)
    if isinstance(listed := given.get("strategies"), list | tuple):
        given["strategies"] = [{"name": one} if isinstance(one, str) else one for one in listed]
    made = build(CandidateGrammar, given, str(path))
    return replace(default, **{name: getattr(made, name) for name in given})


def with_strategies(default: CandidateGrammar, names: tuple[str, ...]) -> CandidateGrammar:
    """The grammar with other strategies, each on all sets of pools.

    Raises:
        UsageError: With every name that is not known or cannot be run.
    """
    entries, faults = [], []
    for name in dict.fromkeys(names):
        try:
            entries.append(StrategyEntry(name=name))
        except (ValueError, UsageError) as error:
            faults.append(str(error))
    if faults:
        raise UsageError(f"--strategies: {'; '.join(faults)}", "`dataselect ls strategies` lists them")
    return replace(default, strategies=tuple(entries))
