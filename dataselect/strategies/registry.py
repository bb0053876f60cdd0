"""Strategies by name: the table of all of them, and how a name with its options becomes a strategy.

A new strategy is a new file beside this one and one line in `STRATEGIES`. Its options come from `--param` as text, from
a configuration as typed values, or in brackets where one strategy names others: `ppl-low(scope=sequence), similarity`.
Text is converted to the type that the field declares, and all pass the same strict builder, so that an unknown option,
a wrong value and a missing one are reported in the same words everywhere.
"""

from __future__ import annotations

import dataclasses
import re
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from dataselect.config import build
from dataselect.errors import ConfigError, UsageError
from dataselect.registry import Registry
from dataselect.strategies.contract import Strategy

STRATEGIES = Registry(
    "strategy",
    {
        "random": "dataselect.strategies.random:Random",
        "full": "dataselect.strategies.full:Full",
        "longest": "dataselect.strategies.longest:Longest",
        "length-matched-random": "dataselect.strategies.length_matched_random:LengthMatchedRandom",
        "ppl-low": "dataselect.strategies.perplexity:PplLow",
        "ppl-mid": "dataselect.strategies.perplexity:PplMid",
        "ppl-high": "dataselect.strategies.perplexity:PplHigh",
        "bpb": "dataselect.strategies.bpb:Bpb",
        "shifted-fraction": "dataselect.strategies.shifted_fraction:ShiftedFraction",
        "mink": "dataselect.strategies.mink:MinK",
        "rsr": "dataselect.strategies.rsr:Rsr",
        "ifd-high": "dataselect.strategies.ifd_high:IfdHigh",
        "excess-loss": "dataselect.strategies.excess_loss:ExcessLoss",
        "aligned-likelihood": "dataselect.strategies.aligned_likelihood:AlignedLikelihood",
        "grape": "dataselect.strategies.grape:Grape",
        "zip": "dataselect.strategies.zip:Zip",
        "column": "dataselect.strategies.column:Column",
        "weighted": "dataselect.strategies.weighted:Weighted",
        "rrf": "dataselect.strategies.rrf:Rrf",
        "similarity": "dataselect.strategies.similarity:Similarity",
        "centroid": "dataselect.strategies.centroid:Centroid",
        "rds-plus": "dataselect.strategies.rds_plus:RdsPlus",
        "deita": "dataselect.strategies.deita:Deita",
        "k-center": "dataselect.strategies.k_center:KCenter",
        "kmeans": "dataselect.strategies.kmeans:KMeans",
        "facility-location": "dataselect.strategies.facility_location:FacilityLocation",
        "semdedup": "dataselect.strategies.semdedup:SemDedup",
        "entropy-loo": "dataselect.strategies.entropy_loo:EntropyLoo",
        "dsir": "dataselect.strategies.dsir:Dsir",
        "pair-margin": "dataselect.strategies.pair_margin:PairMargin",
        "length-gap": "dataselect.strategies.length_gap:LengthGap",
        "implicit-gap": "dataselect.strategies.implicit_gap:ImplicitGap",
        "combined-margin": "dataselect.strategies.combined_margin:CombinedMargin",
        "pair-length-matched-random": "dataselect.strategies.pair_length_matched_random:PairLengthMatchedRandom",
    },
)
"""Every strategy by the name that a user types."""


T = TypeVar("T")


def make_strategy(name: str, params: Mapping[str, Any]) -> Strategy:
    """Build the strategy called `name`.

    Args:
        params: Its options, as text or as values of the declared types.

    Raises:
        UsageError: If the name is unknown, or an option is unknown, missing or has a wrong value.
    """
    strategy: Strategy = build_from_text(STRATEGIES.load(name), params, f"strategy {name}")
    return strategy


def build_from_text(kind: type[T], params: Mapping[str, Any], origin: str) -> T:
    """Make a `kind` dataclass from options that may be text.

    Raises:
        UsageError: With every fault found, and the options of `kind`.
    """
    hints = typing.get_type_hints(kind)
    values = {key: _typed(value, hints.get(key)) for key, value in params.items()}
    try:
        return build(kind, values, origin)
    except ConfigError as error:
        raise UsageError(error.message, f"it takes {describe(kind)}") from None


def describe(kind: type[Any]) -> str:
    """Describe the options of a strategy in one phrase: "no --param", or each with its choices and default."""
    hints = typing.get_type_hints(kind)
    options = []
    for field in dataclasses.fields(kind):
        choices = typing.get_args(hints[field.name])
        value = "|".join(map(str, choices)) if choices else field.name.upper()
        default = "" if field.default in (dataclasses.MISSING, "") else f" (default {field.default})"
        options.append(f"--param {field.name}={value}{default}")
    return ", ".join(options) or "no --param"


def _typed(value: object, hint: object) -> object:
    """Convert text to the declared type; what does not convert is left for the builder to refuse by name."""
    if not isinstance(value, str):
        return value
    if hint is bool:
        return {"true": True, "false": False}.get(value.lower(), value)
    if hint is int:
        return int(value) if value.removeprefix("-").isdecimal() else value
    return value


_MEMBER = re.compile(r"([\w-]+)\s*(?:\(([^()]*)\))?")
_BETWEEN = re.compile(r",(?![^()]*\))")
"""A comma that is not inside brackets."""


@dataclass(frozen=True, slots=True)
class Member:
    """A strategy and the text that named it."""

    text: str
    strategy: Strategy

    @property
    def name(self) -> str:
        """The strategy's name, without its options."""
        return self.text.partition("(")[0].strip()


def parse_member(text: str) -> Member:
    """Read `name` or `name(option=value, option=value)`.

    Raises:
        ValueError: If it is neither, or an option comes twice.
        UsageError: If the strategy or one of its options is unknown or wrong.
    """
    found = _MEMBER.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"expected a strategy such as ppl-low or ppl-low(scope=sequence), got {text!r}")
    params: dict[str, str] = {}
    for pair in (found[2] or "").split(",") if (found[2] or "").strip() else ():
        key, equals, value = (part.strip() for part in pair.partition("="))
        if not equals or not key or key in params:
            raise ValueError(f"expected each option once, as option=value, in {text.strip()!r}")
        params[key] = value
    return Member(text.strip(), make_strategy(found[1], params))


def parse_members(text: str) -> tuple[Member, ...]:
    """Read members separated by commas.

    Raises:
        ValueError: If one cannot be read.
        UsageError: If a strategy or one of its options is unknown or wrong.
    """
    return tuple(parse_member(part) for part in _BETWEEN.split(text))
