"""`dataselect show`: what will be scored, before hours of scoring."""

from __future__ import annotations

import sys
from typing import Any

import click

from dataselect.cli import options
from dataselect.cli.options import column_map, render_options
from dataselect.errors import PoolError


@click.command("show")
@options.pools
@click.option(
    "--model", default="builtin", show_default=True, metavar="M", help="builtin, a model folder, or a hub id."
)
@options.template
@options.limit(3)
@click.option("--color/--no-color", default=None, help="Colours instead of brackets [default: on a terminal].")
@options.columns
@options.preference_pairs
def command(
    pools: tuple[str, ...], model: str, limit: int, sample_seed: int | None, color: bool | None, **shared: Any
) -> None:
    """Print rendered rows with the scored tokens marked.

    Without colour, response tokens stand in [square], end tokens in {curly} and seam tokens in <angle> brackets, with
    a bar between tokens; the rest is prompt, which is scored too, in columns of its own. ~ marks what is not scored.
    With --pairs each pair is printed twice, the chosen reply first. Only the tokenizer of the model is loaded.
    Exits with 1 if no row can be rendered.

    \b
    Example:
      dataselect show alpaca.json --model builtin -n 2
      dataselect show preferences.json --pairs -n 2
      dataselect show alpaca.json gsm8k.jsonl --model M --limit 5 --sample-seed 1
    """
    from dataselect.models import resolve_model
    from dataselect.pool import PoolReader, Renderer
    from dataselect.pool.pairs import sides
    from dataselect.pool.show import shown
    from dataselect.records import Example, Reject

    reader = PoolReader(pools, column_map(shared), shared["prefix_ids"], limit, sample_seed)
    records = iter(reader)
    if sys.stderr.isatty():
        options.say(f"load the tokenizer of {model}")  # seconds, for a large vocabulary
    renderer = Renderer(resolve_model(model), render_options(shared))
    coloured = sys.stdout.isatty() if color is None else color
    rejects: list[Reject] = []
    rendered = 0
    for record in records:
        replies = sides(record) if isinstance(record, Example) else {"": record}
        for side, reply in replies.items():
            one = renderer.render([reply])[0] if isinstance(reply, Example) else reply
            if isinstance(one, Reject):
                rejects.append(one)
                options.emit(f"--- rejected: {one.file} line {one.line}: {one.reason}: {one.excerpt}\n")
            else:
                rendered += 1
                print(shown(one, renderer.template_name, coloured, side) + "\n")
    for note in reader.notes:
        options.say(f"note: {note}")
    if not rendered:
        raise _nothing(rejects)


def _nothing(rejects: list[Any]) -> PoolError:
    """Return the error for a pool of which no row can be rendered: why, and what to try."""
    reasons = sorted({one.reason for one in rejects})
    known = "known columns are prompt/response, messages, text and the like: --prompt-column NAME maps your own"
    hint = known if "unknown_schema" in reasons else "correct the file, or try other rows: --sample-seed 1"
    return PoolError(f"none of {len(rejects):,} rows can be shown: {', '.join(reasons)}", hint)
