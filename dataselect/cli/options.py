"""Options that several commands share, each written once.

Progress and messages go to stderr through `say`; data goes to files or stdout.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from dataselect.errors import UsageError

if TYPE_CHECKING:
    from dataselect.pool import ColumnMap, RenderOptions

_RENDERING = ("template", "max_length", "truncate", "bos", "no_think")
"""The options of `template`."""

Command = TypeVar("Command", bound=Callable[..., Any])


def say(text: str) -> None:
    """Print a line for people, to stderr."""
    print(text, file=sys.stderr, flush=True)


def pools(command: Command) -> Command:
    """POOL... : files (.jsonl .json .parquet .csv .txt, also .gz or .zst), folders, hub ids, or - for stdin."""
    return click.argument("pools", metavar="POOL...", nargs=-1, required=True)(command)


def columns(command: Command) -> Command:
    """The column map: which columns hold what, where the schema is not detected."""
    for name, what in (
        ("id", "the example's own id"),
        ("text", "plain text"),
        ("system", "the system prompt"),
        ("response", "the response"),
        ("prompt", "the prompt"),
    ):
        command = click.option(f"--{name}-column", metavar="NAME", help=f"Column that holds {what}.")(command)
    return click.option("--prefix-ids", is_flag=True, help="Put the file's name before each own id.")(command)


def model(command: Command) -> Command:
    """--model: builtin, a local folder, or a hub id."""
    return click.option("--model", required=True, metavar="M", help="builtin, a model folder, or a hub id.")(command)


def out_directory(command: Command) -> Command:
    """--out DIR and --overwrite."""
    command = click.option("--overwrite", is_flag=True, help="Remove this command's own files in DIR first.")(command)
    return click.option(
        "--out", required=True, type=click.Path(path_type=Path), metavar="DIR", help="Folder for the results."
    )(command)


def template(command: Command) -> Command:
    """The options of rendering, the same in every command that renders."""
    command = click.option("--no-think", is_flag=True, help="Count <think> spans as prompt, not as response.")(command)
    command = click.option(
        "--bos", type=click.Choice(["auto", "always", "never"]), default="auto", show_default=True,
        help="Whether a sequence begins with BOS; auto: as the tokenizer or the template does it.",
    )(command)  # fmt: skip
    command = click.option("--truncate", is_flag=True, help="Score long rows up to the limit.")(command)
    command = click.option(
        "--max-length", type=click.IntRange(min=2), metavar="N", help="Most tokens per row [default: positions - 1]."
    )(command)
    return click.option(
        "--template", default="auto", show_default=True, metavar="T",
        help="auto, chat, alpaca, qa, text, or a Jinja file.",
    )(command)  # fmt: skip


def render_options(values: Mapping[str, Any]) -> RenderOptions:
    """The `RenderOptions` behind the options of `template`."""
    from dataselect.pool import RenderOptions

    return RenderOptions(
        template=values["template"],
        max_length=values["max_length"],
        truncate=values["truncate"],
        bos=values["bos"],
        think=not values["no_think"],
    )


def column_map(values: Mapping[str, Any]) -> ColumnMap:
    """The `ColumnMap` behind the options of `columns`."""
    from dataselect.pool import ColumnMap

    return ColumnMap(**{name: values[f"{name}_column"] for name in ("prompt", "response", "system", "text", "id")})


def pairs(option: str, given: Sequence[str]) -> dict[str, str]:
    """Options of the form K=V as a mapping.

    Raises:
        UsageError: If one has no `=`, no name, or comes twice.
    """
    found: dict[str, str] = {}
    for one in given:
        name, equals, value = one.partition("=")
        if not equals or not name:
            raise UsageError(f"{option} expects name=value, got {one!r}")
        if name in found:
            raise UsageError(f"{option} {name} is given twice")
        found[name] = value
    return found


def named_model(given: str) -> tuple[str, str]:
    """NAME=MODEL, or a model whose name is the last part of its path, as (name, model).

    Raises:
        UsageError: If a part is missing, or the name has a dot in it.
    """
    name, equals, model = given.partition("=")
    if not equals:
        name, model = Path(given).name, given
    if not name or not model or ("." in name and equals):
        raise UsageError(f"--model expects NAME=MODEL with a name without dots, got {given!r}")
    return name, model


def engine_arguments(given: Sequence[str]) -> dict[str, Any]:
    """--engine-arg K=V as a mapping: numbers, true and false as such, the rest as text, the way YAML reads a value.

    Raises:
        UsageError: If one is no pair, comes twice, or cannot be read.
    """
    import yaml

    try:
        return {key: yaml.safe_load(value) for key, value in pairs("--engine-arg", given).items()}
    except yaml.YAMLError as error:
        raise UsageError(f"--engine-arg: a value cannot be read: {' '.join(str(error).split())}") from None


def given_rendering(ctx: click.Context, values: dict[str, Any]) -> dict[str, Any]:
    """Take the options of `template` out of `values`, and return those that were typed.

    For commands in which the others follow from an earlier stage.

    Returns:
        Fields of `RenderOptions`.
    """
    all_of_them = {name: values.pop(name) for name in _RENDERING}
    typed = click.core.ParameterSource.COMMANDLINE
    given = {name: value for name, value in all_of_them.items() if ctx.get_parameter_source(name) is typed}
    if "no_think" in given:
        given["think"] = not given.pop("no_think")
    return given
