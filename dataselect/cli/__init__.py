"""The command line: one thin command per file, loaded when it is called.

`dataselect --help` imports no command and no heavy package; the table below is what it prints. A command turns strings
into typed arguments and calls the library; the group turns our errors into one line and an exit code: 1 for a failure,
2 for wrong usage, 130 for Ctrl-C. Anything else is a fault of ours and keeps its traceback.
"""

from __future__ import annotations

import importlib
import sys
from typing import Any

import click

from dataselect.errors import DataselectError

COMMANDS = {
    "quickstart": "Run the whole flow offline on the bundled model and pool.",
    "show": "Print rendered rows with the scored tokens marked.",
    "score": "Score every example of the pools with a language model.",
    "verify": "Verify that a backend, or a score folder, gives the right numbers.",
    "embed": "Embed every example, and its similarity to a target set.",
    "rank": "Compare whole pools: which one to train on.",
    "select": "Rank a pool by a strategy and write the best within a budget.",
    "explain": "Why one row is in a selection, or why not.",
    "diff": "What two selections have in common, and which rows tell them apart.",
    "train": "Fine-tune a model on a selection.",
    "evaluate": "Evaluate a model on tasks, item by item.",
    "run": "Run a whole experiment from one configuration; run again to resume.",
    "compare": "Compare evaluated runs, with intervals and verdicts.",
    "report": "Render a comparison as HTML or Markdown.",
    "analyze": "From a table of runs: which data helped, and which property predicts it.",
    "layers": "Where tuning changed a model: weights before and after, layer by layer.",
    "tokens": "Which response tokens a model would not have chosen, by position and by token.",
    "ls": "List scorers, strategies, templates, tasks or encoders.",
    "validate": "Check an experiment's configuration without running it.",
}
"""Every command with its line of help, in the order of the work. Each lives in the module of its name."""


class LazyGroup(click.Group):
    """A group that imports a command's module only when that command is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Command names, in the order of the work."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return one command; None for an unknown name."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"dataselect.cli.{cmd_name}").command
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


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="dataselect")
def group() -> None:
    """Choose supervised fine-tuning data by measuring.

    \b
    pool -> score -> select -> train -> evaluate -> compare -> report
       └--> embed ---┘

    \b
    Example:
      dataselect quickstart --out quickstart
      dataselect score pool.jsonl --model builtin --out scores
    """


def _fail(text: str, code: int) -> int:
    print(f"dataselect: {text}", file=sys.stderr)
    return code


def run(arguments: list[str] | None = None) -> int:
    """Run the command line and return its exit code.

    Args:
        arguments: What follows `dataselect`; None for those of this process.
    """
    try:
        result: Any = group.main(arguments, prog_name="dataselect", standalone_mode=False)
        return result if isinstance(result, int) else 0
    except DataselectError as error:
        hint = f" (hint: {error.hint})" if error.hint else ""
        return _fail(f"{' '.join(error.message.split())}{hint}", error.exit_code)
    except click.exceptions.Abort:
        return _fail("interrupted", 130)
    except click.ClickException as error:
        where = getattr(error, "ctx", None)
        command = where.command_path if where is not None else "dataselect"
        return _fail(f"{' '.join(error.format_message().split())} (hint: {command} --help)", error.exit_code)
    except KeyboardInterrupt:
        return _fail("interrupted", 130)
    except BrokenPipeError:
        sys.stderr.close()
        return 1


def main() -> None:
    """Entry point of the console script."""
    sys.exit(run())
