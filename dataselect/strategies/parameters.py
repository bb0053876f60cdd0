"""From a strategy's name and its `--param` options to the strategy.

The command line gives text, a configuration gives typed values; text is converted to the type that the field declares
and everything then passes the one strict builder, so that an unknown option, a wrong value and a missing one are told
in the same words everywhere.
"""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Mapping
from typing import Any, TypeVar

from dataselect.config import build
from dataselect.errors import ConfigError, UsageError
from dataselect.strategies.contract import Strategy
from dataselect.strategies.table import STRATEGIES

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
        UsageError: With every fault found, and what `kind` takes.
    """
    hints = typing.get_type_hints(kind)
    values = {key: _typed(value, hints.get(key)) for key, value in params.items()}
    try:
        return build(kind, values, origin)
    except ConfigError as error:
        raise UsageError(error.message, f"it takes {describe(kind)}") from None


def describe(kind: type[Any]) -> str:
    """The options of a strategy in one phrase: "no --param", or each with its choices and default."""
    hints = typing.get_type_hints(kind)
    options = []
    for field in dataclasses.fields(kind):
        choices = typing.get_args(hints[field.name])
        value = "|".join(map(str, choices)) if choices else field.name.upper()
        default = "" if field.default in (dataclasses.MISSING, "") else f" (default {field.default})"
        options.append(f"--param {field.name}={value}{default}")
    return ", ".join(options) or "no --param"


def _typed(value: object, hint: object) -> object:
    """Text as the declared scalar type; what does not convert is left for the builder to refuse by name."""
    if not isinstance(value, str):
        return value
    if hint is bool:
        return {"true": True, "false": False}.get(value.lower(), value)
    if hint is int:
        return int(value) if value.removeprefix("-").isdecimal() else value
    return value
