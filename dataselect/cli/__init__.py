"""The command line: one thin command per file, loaded when it is called.

`dataselect --help` imports no command and no heavy package; the table below is what it prints. A command turns strings
into typed arguments and calls the library; the group turns our errors into one line and an exit code: 1 for a failure,
2 for wrong usage, 130 for Ctrl-C. Errors of libraries and of the system are translated by the table in
`library_errors`, as are faults of our own; DATASELECT_TRACEBACK=1 prints the traceback above that line.
"""

from __future__ import annotations

import importlib
import io
import os
import sys
import traceback
from contextlib import suppress
from typing import Any, TextIO

import click

from dataselect.escaping import bearable, escaped
from dataselect.progress import seconds_between, showing_progress

COMMANDS = {
    "recommend": "Find the rows to train on, by short trainings measured on your task.",
    "quickstart": "From pools to a recommendation, offline, in a few minutes.",
    "audit": "Find what is wrong with pools before anything is scored.",
    "show": "Print rendered rows with the scored tokens marked.",
    "score": "Score every example of the pools with a language model.",
    "verify": "Verify that a backend, or a score folder, gives the right numbers.",
    "embed": "Embed every example and compute its similarity to a target set.",
    "rank": "Compare whole pools: which one to train on.",
    "select": "Rank a pool by a strategy and write the best within a budget.",
    "explain": "Explain why one row is selected or not; list the rows excluded for one reason.",
    "diff": "Compare two selections: their overlap, their order, and the rows that differ.",
    "verify-selection": "Make a selection again from its manifest, and compare.",
    "train": "Fine-tune a model on a selection.",
    "evaluate": "Evaluate a model on tasks, item by item.",
    "run": "Run a whole experiment from one configuration; run again to resume.",
    "compare": "Compare evaluated runs, with intervals and verdicts.",
    "report": "Render a comparison as HTML or Markdown.",
    "analyze": "Analyze a table of runs: which data helped, and which property predicts it.",
    "layers": "Compare the weights of a model before and after tuning, layer by layer.",
    "tokens": "Find the response tokens that a model would not have chosen, by position and by token.",
    "ls": "List scorers, strategies, templates, tasks or encoders.",
    "doctor": "Say what is installed and missing, and whether a model is fit to be used.",
    "validate": "Check an experiment's configuration without running it.",
}
"""Every command with its line of help, in the order of the work. Each is the module of that name."""

_MODULES = {"run": "experiment", "verify-selection": "verify_selection"}
"""Except one whose module would hide a function of this package, and one whose name is none."""


class LazyGroup(click.Group):
    """A group that imports a command's module only when that command is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Command names, in the order of the work."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return one command; None for an unknown name."""
        if cmd_name not in COMMANDS:
            return None
        module = _MODULES.get(cmd_name, cmd_name)
        command: click.Command = importlib.import_module(f"dataselect.cli.{module}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Name near matches of an unknown command."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            from dataselect.registry import unknown

            raise unknown("command", args[0], COMMANDS)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands from the table, without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(
    cls=LazyGroup,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(package_name="dataselect")
@click.pass_context
def group(ctx: click.Context) -> None:
    """Choose supervised fine-tuning data by measuring.

    \b
    pool -> score -> select -> train -> evaluate -> compare -> report
       └--> embed ---┘

    \b
    Example:
      dataselect quickstart --out quickstart
      dataselect score pool.jsonl --model builtin --out scores
    """
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())
        return
    ctx.with_resource(showing_progress(ctx.invoked_subcommand, sys.stderr, seconds_between()))


def _fail(text: str, code: int) -> int:
    try:
        print(f"dataselect: {escaped(text)}", file=sys.stderr, flush=True)
    except OSError:  # stderr is closed
        _discard(sys.stderr)
    return code


def run(arguments: list[str] | None = None) -> int:
    """Run the command line and return its exit code.

    Args:
        arguments: What follows `dataselect`; None for those of this process.
    """
    try:
        result: Any = group.main(arguments, prog_name="dataselect", standalone_mode=False)
        sys.stdout.flush()
        return result if isinstance(result, int) else 0
    except (click.exceptions.Abort, KeyboardInterrupt):
        return _fail("interrupted", 130)
    except click.ClickException as error:
        where = getattr(error, "ctx", None)
        command = where.command_path if where is not None else "dataselect"
        return _fail(f"{bearable(' '.join(error.format_message().split()))} (hint: {command} --help)", error.exit_code)
    except BrokenPipeError:  # the reader has gone, as with `| head`
        _discard(sys.stdout)
        return 1
    except (SystemExit, GeneratorExit):
        raise
    except BaseException as error:  # a panic of a library in Rust is no Exception
        return _report(error)


def _report(error: BaseException) -> int:
    """Print an error in one line, and above it the traceback if the environment asks for it."""
    from dataselect.library_errors import TRACEBACK, as_user_error

    if os.environ.get(TRACEBACK, "0") not in ("", "0"):
        traceback.print_exception(error)
    known = as_user_error(error, "cannot write to standard output" if _was_printing(error) else "")
    try:
        sys.stdout.flush()
    except OSError:
        _discard(sys.stdout)
    hint = f" (hint: {known.hint})" if known.hint else ""
    return _fail(f"{' '.join(known.message.split())}{hint}", known.exit_code)


def _was_printing(error: BaseException) -> bool:
    """Return whether a system error came from a print: it names no file, and commands open none themselves."""
    at = error.__traceback__
    while at is not None and at.tb_next is not None:
        at = at.tb_next
    inside = at is not None and at.tb_frame.f_globals.get("__name__", "").startswith(__name__)
    return inside and isinstance(error, OSError) and error.filename is None


def _discard(stream: TextIO) -> None:
    """Send what is left in a stream nowhere, so that nothing is written to it again when the process ends."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def main() -> None:
    """Entry point of the console script."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a character that the terminal lacks is shown as its code
    sys.unraisablehook = _unraisable
    sys.exit(run())


def _unraisable(fault: sys.UnraisableHookArgs) -> None:
    """Ignore errors of finalisers, which follow an error that was reported already."""
    from dataselect.library_errors import TRACEBACK

    if os.environ.get(TRACEBACK, "0") not in ("", "0"):
        sys.__unraisablehook__(fault)
