"""`dataselect tokens`: where responses depart from a model, token by token."""

from __future__ import annotations

from pathlib import Path

import click

from dataselect.cli import options

_FOLDER = click.Path(path_type=Path)


@click.command("tokens")
@click.argument("scores", metavar="SCORES", type=_FOLDER)
@click.argument("tuned", metavar="[SCORES_OF_TUNED]", type=_FOLDER, required=False)
@options.out_directory
@click.option("--reference", metavar="NAME", help="A further model of SCORES as the tuned one, in place of a folder.")
@click.option(
    "--min-count", type=click.IntRange(min=1), default=20, show_default=True, metavar="N",
    help="Minimum occurrences of a token in the lists by share and by change.",
)  # fmt: skip
@click.option("--top", type=click.IntRange(min=1), default=20, show_default=True, metavar="N", help="Tokens per list.")
def command(
    scores: Path, tuned: Path | None, out: Path, overwrite: bool, reference: str | None, min_count: int, top: int
) -> None:
    """Find the response tokens that a model would not have chosen, by position and by token.

    SCORES is a folder of `dataselect score --tokens`. A position is unshifted at rank 1, marginal at
    rank 2 or 3, shifted at any other rank (URIAL). With the scores of a tuned model over the same file: how its ranks
    and log-probabilities differ. No model is run.

    For URIAL's own numbers, let the tuned model answer the prompts greedily, and score that file with the base.

    \b
    Example:
      dataselect score answers.jsonl --model base --tokens --out scores
      dataselect tokens scores --out view
      dataselect score pool.jsonl --model base --model tuned=runs/tuned --tokens --out both
      dataselect tokens both --reference tuned --out view
    """
    from dataselect.tokens import TokensRequest, tokens
    from dataselect.tokens.printed import lines

    summary = tokens(
        TokensRequest(
            base=scores, out=out, tuned=tuned, reference=reference, min_count=min_count, top=top, overwrite=overwrite
        )
    )
    for line in lines(summary.document):
        options.emit(line)
    options.say(f"all numbers: {out / 'tokens.json'}; the page: {out / 'tokens.html'}")
