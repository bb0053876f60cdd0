"""Options that several commands share, each written once.

Progress and messages go to stderr through `say`, results to stdout through `emit`, which are the only ways to print.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from dataselect.errors import UsageError
from dataselect.escaping import escaped
from dataselect.progress import write_line

if TYPE_CHECKING:
    from dataselect.pool import ColumnMap, RenderOptions

_RENDERING = ("template", "max_length", "truncate", "bos", "special_tokens", "date", "no_think")
"""The options of `template`."""

Decorated = TypeVar("Decorated", bound=Callable[..., Any])


def say(text: str) -> None:
    """Print a message, to stderr. Control characters in it are escaped."""
    write_line(escaped(text))


def emit(text: str) -> None:
    """Print a line of the result, to stdout. Control characters in it are escaped."""
    print(escaped(text))


def pools(command: Decorated) -> Decorated:
    """POOL... : files (.jsonl .json .parquet .csv .txt, also .gz or .zst), folders, hub ids, or - for stdin."""
    return click.argument("pools", metavar="POOL...", nargs=-1, required=True)(command)


def columns(command: Decorated) -> Decorated:
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


def preference_pairs(command: Decorated) -> Decorated:
    """--pairs: records are read with the reply that was rejected."""
    return click.option(
        "--pairs", is_flag=True,
        help="Read preference pairs: chosen and rejected, rated completions, or a reply with a label.",
    )(command)  # fmt: skip


def limit(default: int | None = None) -> Callable[[Decorated], Decorated]:
    """--limit N and --sample-seed S: a part of each pool, the same in every command that reads pools.

    Args:
        default: N where it is not given; None for all records.
    """

    def with_options(command: Decorated) -> Decorated:
        command = click.option(
            "--sample-seed", type=click.IntRange(min=0), metavar="S",
            help="Take a random sample of --limit records instead of the first ones; file order does not matter.",
        )(command)  # fmt: skip
        return click.option(
            "-n", "--limit", type=click.IntRange(min=1), metavar="N", default=default, show_default=default is not None,
            help="Only the first N records of each pool.",
        )(command)  # fmt: skip

    return with_options


def model(command: Decorated) -> Decorated:
    """--model: builtin, a local folder, or a hub id."""
    return click.option("--model", required=True, metavar="M", help="builtin, a model folder, or a hub id.")(command)


dtype = click.option("--dtype", default="auto", show_default=True, metavar="D", help="float32, bfloat16 or float16.")
batch_tokens = click.option(
    "--batch-tokens", type=click.IntRange(min=1), metavar="N", help="Maximum tokens computed at once."
)
engine_args = click.option(
    "--engine-arg", "engine_args", multiple=True, metavar="K=V", help="An argument for vLLM, by its own name."
)
no_cache = click.option("--no-cache", is_flag=True, help="Do not take scores from the cache.")
estimate = click.option(
    "--estimate", is_flag=True, help="Only print an estimate of rows, tokens, time, memory and disk."
)
overwrite = click.option("--overwrite", is_flag=True, help="Remove this command's own files in DIR first.")


def server(command: Decorated) -> Decorated:
    """--server URL and --served-model NAME, for --backend server."""
    command = click.option(
        "--served-model", metavar="NAME", help="The model's name on that server [default: the only one]."
    )(command)
    return click.option(
        "--server", metavar="URL", envvar="DATASELECT_SERVER",
        help="Server for --backend server, as http://host:8000/v1.",
    )(command)  # fmt: skip


def out_directory(command: Decorated) -> Decorated:
    """--out DIR and --overwrite."""
    command = overwrite(command)
    return click.option(
        "--out", required=True, type=click.Path(path_type=Path), metavar="DIR", help="Folder for the results."
    )(command)


def require_out(out: Path | None, estimate: bool) -> None:
    """Refuse a run without --out, which only an estimate does not need."""
    if out is None and not estimate:
        raise click.MissingParameter(ctx=click.get_current_context(), param_hint="'--out'", param_type="option")


def also_out(command_name: str) -> Callable[[Decorated], Decorated]:
    """--out DIR and --overwrite, for a command that prints its result and can write it too."""

    def with_options(command: Decorated) -> Decorated:
        command = click.option("--overwrite", is_flag=True, help="Replace an earlier one in DIR.")(command)
        what = f"Also write DIR/{command_name}.json."
        return click.option("--out", type=click.Path(path_type=Path), metavar="DIR", help=what)(command)

    return with_options


def out_file(metavar: str, what: str) -> Callable[[Decorated], Decorated]:
    """--out FILE and --overwrite."""

    def with_options(command: Decorated) -> Decorated:
        command = click.option("--overwrite", is_flag=True, help="Replace another file of that name.")(command)
        return click.option("--out", required=True, type=click.Path(path_type=Path), metavar=metavar, help=what)(
            command
        )

    return with_options


def template(command: Decorated) -> Decorated:
    """The options of rendering, the same in every command that renders."""
    command = click.option("--no-think", is_flag=True, help="Count <think> spans as prompt, not as response.")(command)
    command = click.option(
        "--bos", type=click.Choice(["auto", "always", "never"]), default="auto", show_default=True,
        help="Whether a sequence begins with BOS; auto: as the tokenizer or the template does it.",
    )(command)  # fmt: skip
    command = click.option(
        "--date", metavar="DAY",
        help="Date for templates that print one, as 2026-01-31 [default: that of the run that is resumed, or today].",
    )(command)  # fmt: skip
    command = click.option(
        "--special-tokens", type=click.Choice(["control", "text"]), default="control", show_default=True,
        help="Whether special tokens spelled out in a record's text (such as <|im_end|>) are control tokens or text.",
    )(command)  # fmt: skip
    command = click.option(
        "--truncate", is_flag=True, help="Cut long rows at --max-length instead of leaving them out."
    )(command)
    command = click.option(
        "--max-length", type=click.IntRange(min=2), metavar="N", help="Maximum tokens per row [default: positions - 1]."
    )(command)
    return click.option(
        "--template", default="auto", show_default=True, metavar="T",
        help="auto, chat, alpaca, qa, text, or a Jinja file.",
    )(command)  # fmt: skip


def render_options(values: Mapping[str, Any]) -> RenderOptions:
    """Return the `RenderOptions` that the options of `template` ask for."""
    from dataselect.pool import RenderOptions

    return RenderOptions(
        template=values["template"],
        max_length=values["max_length"],
        truncate=values["truncate"],
        bos=values["bos"],
        special_tokens=values["special_tokens"],
        date=values["date"],
        think=not values["no_think"],
    )


def column_map(values: Mapping[str, Any]) -> ColumnMap:
    """Return the `ColumnMap` that the options of `columns` ask for."""
    from dataselect.pool import ColumnMap

    named = {name: values[f"{name}_column"] for name in ("prompt", "response", "system", "text", "id")}
    return ColumnMap(**named, pairs=values.get("pairs", False))


def pairs(option: str, given: Sequence[str]) -> dict[str, str]:
    """Parse options of the form K=V into a mapping.

    Raises:
        UsageError: If one has no `=`, no name, or is given twice.
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


def engine_arguments(given: Sequence[str]) -> dict[str, Any]:
    """Parse --engine-arg K=V into a mapping: numbers, true and false as such, the rest as text, as YAML reads a value.

    Raises:
        UsageError: If one is no pair, is given twice, or cannot be read.
    """
    import yaml

    try:
        return {key: yaml.safe_load(value) for key, value in pairs("--engine-arg", given).items()}
    except yaml.YAMLError as error:
        raise UsageError(f"--engine-arg: a value cannot be read: {' '.join(str(error).split())}") from None


def typed(*names: str) -> list[str]:
    """Return those of the options that the user typed, by their Python names, for the running command."""
    context = click.get_current_context()
    return [name for name in names if context.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE]


def flag(name: str) -> str:
    """Return an option of the running command as it is typed, given its Python name."""
    return next(one.opts[0] for one in click.get_current_context().command.params if one.name == name)


def given_rendering(values: dict[str, Any]) -> dict[str, Any]:
    """Take the options of `template` out of `values`, and return those that were typed.

    For commands that take the others from an earlier stage.

    Returns:
        Fields of `RenderOptions`.
    """
    all_of_them = {name: values.pop(name) for name in _RENDERING}
    given = {name: all_of_them[name] for name in typed(*all_of_them)}
    if "no_think" in given:
        given["think"] = not given.pop("no_think")
    return given
