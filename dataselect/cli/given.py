"""Which rendering options were typed, for commands in which the others follow from an earlier stage."""

from __future__ import annotations

from typing import Any

import click

_NAMES = ("template", "max_length", "truncate", "bos", "no_think")


def given_rendering(ctx: click.Context, values: dict[str, Any]) -> dict[str, Any]:
    """Take the options of `options.template` out of `values`, and return those that were typed.

    Returns:
        Fields of `RenderOptions`.
    """
    all_of_them = {name: values.pop(name) for name in _NAMES}
    typed = click.core.ParameterSource.COMMANDLINE
    given = {name: value for name, value in all_of_them.items() if ctx.get_parameter_source(name) is typed}
    if "no_think" in given:
        given["think"] = not given.pop("no_think")
    return given
