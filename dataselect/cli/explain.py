"""`dataselect explain`: why one row is selected or not, and which rows were excluded for one reason."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import click

from dataselect.cli import options
from dataselect.errors import UsageError

_FOLDER = click.Path(path_type=Path)


@click.command("explain")
@click.argument("selection", metavar="FILE.jsonl", type=_FOLDER)
@click.argument("row", metavar="[ID]", required=False)
@click.option(
    "--dropped", is_flag=False, flag_value="", metavar="[REASON]",
    help="Instead of ID: the rows that were excluded for this reason; without one, the reasons with their counts.",
)  # fmt: skip
@click.option(
    "-n", "--limit", type=click.IntRange(min=1), default=20, show_default=True, metavar="N", help="Rows of --dropped."
)
@click.option(
    "--scores", multiple=True, type=_FOLDER, metavar="DIR|FILE",
    help="Score table; may be repeated [default: those of the selection].",
)  # fmt: skip
@click.option("--embeddings", type=_FOLDER, metavar="DIR", help="Folder of `embed` [default: that of the selection].")
@click.option(
    "--pool", "pools", multiple=True, metavar="POOL",
    help="The pool of the selection, if it has moved; once for each, in their order.",
)  # fmt: skip
@click.option(
    "--target", "targets", multiple=True, metavar="FILE",
    help="The target set of --embeddings, if it has moved; once for each file.",
)  # fmt: skip
@click.option(
    "-k", type=click.IntRange(min=1), default=5, show_default=True, metavar="K", help="Neighbours and targets to show."
)
@click.option("--color/--no-color", default=None, help="Colour each token by its NLL [default: on a terminal].")
@options.also_out("explain")
def command(
    selection: Path, row: str | None, dropped: str | None, limit: int, scores: tuple[Path, ...],
    embeddings: Path | None, pools: tuple[str, ...], targets: tuple[str, ...], k: int, color: bool | None,
    out: Path | None, overwrite: bool,
) -> None:  # fmt: skip
    """Explain what became of one row of a pool in a selection, and why.

    FILE.jsonl is what `dataselect select` wrote, ID that of any row of its pool, kept or not: the rule that excluded it
    and why, the row that blocks it, or how far it is below the cut; its numbers with their percentiles; its nearest
    rows and targets; and its text with each token coloured by its NLL. For what was not scored or embedded, the command
    that produces it is printed instead. No model runs.

    --dropped lists rows that were excluded for one reason, those next to the cut first, each with its source, numbers
    and the beginning of its text; records that could not be read are `unreadable`.

    \b
    Example:
      dataselect explain chosen.jsonl 3f2a9c0d11e4b7a8
      dataselect explain chosen.jsonl 3f2a9c0d11e4b7a8 --scores scores --embeddings embeddings -k 10 --out why
      dataselect explain chosen.jsonl --dropped
      dataselect explain chosen.jsonl --dropped near_duplicate -n 50 --out why
    """
    from dataselect.stage import write_document

    if row is None and dropped is None:
        raise UsageError("ID or --dropped is required", "--dropped alone lists the reasons why rows were excluded")
    if row is not None and dropped is None:
        found = _explained(row, selection, scores, embeddings, pools, targets, k, color)
    else:
        found = _left_out(row, dropped, selection, limit, scores, pools)
    if out is not None:
        options.say(f"written to {write_document('explain', out, found.document, overwrite)}")


def _explained(
    row: str, selection: Path, scores: tuple[Path, ...], embeddings: Path | None, pools: tuple[str, ...],
    targets: tuple[str, ...], k: int, color: bool | None,
) -> Any:  # fmt: skip
    from dataselect.explanation import ExplainRequest, explain
    from dataselect.explanation.printed import lines

    if options.typed("limit"):
        raise UsageError(
            "--limit requires --dropped: it limits the rows that are listed",
            "leave it out, or give --dropped REASON instead of ID",
        )
    found = explain(
        ExplainRequest(
            selection=selection, id=row, scores=scores, embeddings=embeddings, pools=pools, targets=targets, k=k
        )
    )
    coloured = sys.stdout.isatty() and not os.environ.get("NO_COLOR") if color is None else color
    for line in lines(found, coloured):
        print(line)
    return found


def _left_out(
    row: str | None, dropped: str | None, selection: Path, limit: int, scores: tuple[Path, ...], pools: tuple[str, ...]
) -> Any:
    from dataselect.explanation import DroppedRequest, reasons
    from dataselect.explanation import dropped as find
    from dataselect.explanation.printed import dropped_lines, reason_lines

    if row is not None:
        raise UsageError("ID and --dropped exclude each other", "give one of them")
    only = options.typed("embeddings", "targets", "k", "color")
    if only:
        raise UsageError(f"{options.flag(only[0])} requires ID", "give the ID of a row, or leave the option out")
    if not dropped:
        table = reasons(selection)
        for line in reason_lines(table):
            options.emit(line)
        return table
    found = find(DroppedRequest(selection=selection, reason=dropped, limit=limit, scores=scores, pools=pools))
    for line in dropped_lines(found):
        options.emit(line)
    return found
