"""`dataselect explain`: why a row is in a selection, or why not."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from dataselect.cli import options

_FOLDER = click.Path(path_type=Path)


@click.command("explain")
@click.argument("selection", metavar="FILE.jsonl", type=_FOLDER)
@click.argument("row", metavar="ID")
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
@click.option("--color/--no-color", default=None, help="Colour each token by its surprise [default: on a terminal].")
@click.option("--out", type=_FOLDER, metavar="DIR", help="Also write DIR/explain.json.")
def command(
    selection: Path, row: str, scores: tuple[Path, ...], embeddings: Path | None, pools: tuple[str, ...],
    targets: tuple[str, ...], k: int, color: bool | None, out: Path | None,
) -> None:  # fmt: skip
    """Say what became of one row of a pool in a selection, and why.

    FILE.jsonl is what `dataselect select` wrote, ID that of any row of its pool, kept or not: the rule that removed it
    and what that found, the row that shadows it, or how far it is below the cut; its numbers with their percentiles;
    its nearest rows and targets; and its text with each token coloured by how surprised the model was. What was not
    scored or embedded is not shown; the command that makes it is. No model runs.

    \b
    Example:
      dataselect explain chosen.jsonl 3f2a9c0d11e4b7a8
      dataselect explain chosen.jsonl 3f2a9c0d11e4b7a8 --scores scores --embeddings embeddings -k 10 --out why
    """
    from dataselect.artifacts import write_json
    from dataselect.explanation import ExplainRequest, explain
    from dataselect.explanation.printed import lines

    found = explain(ExplainRequest(selection, row, scores, embeddings, pools, targets, k))
    coloured = sys.stdout.isatty() and not os.environ.get("NO_COLOR") if color is None else color
    for line in lines(found, coloured):
        print(line)
    if out is not None:
        write_json(out / "explain.json", found.document)
        options.say(f"written to {out / 'explain.json'}")
