"""`dataselect show`: what will be scored, before hours of scoring."""

from __future__ import annotations

import itertools
import sys
from typing import Any

import click

from dataselect.cli import options
from dataselect.cli.options import column_map, render_options


@click.command("show")
@options.pools
@click.option(
    "--model", default="builtin", show_default=True, metavar="M", help="builtin, a model folder, or a hub id."
)
@options.template
@click.option(
    "-n", "rows", type=click.IntRange(min=1), default=3, show_default=True, metavar="N", help="Rows to print."
)
@click.option("--color/--no-color", default=None, help="Colours instead of brackets [default: on a terminal].")
@options.columns
def command(pools: tuple[str, ...], model: str, rows: int, color: bool | None, **shared: Any) -> None:
    """Print rendered rows with the scored tokens marked.

    Without colour, response tokens stand in [square], end tokens in {curly} and seam tokens in <angle> brackets, with
    a bar between tokens; the rest is prompt, which is scored too, in columns of its own. ~ marks what is not scored.

    \b
    Example:
      dataselect show alpaca.json --model builtin -n 2
    """
    from dataselect.bundled.resolve import resolve_model
    from dataselect.pool import PoolReader, Renderer
    from dataselect.pool.show import shown
    from dataselect.records import Example, Reject

    renderer = Renderer(resolve_model(model), render_options(shared))
    coloured = sys.stdout.isatty() if color is None else color
    reader = PoolReader(pools, column_map(shared), shared["prefix_ids"], limit=rows)
    for record in itertools.islice(reader, rows):
        one = renderer.render([record])[0] if isinstance(record, Example) else record
        if isinstance(one, Reject):
            print(f"--- rejected: {one.file} line {one.line}: {one.reason}: {one.excerpt}\n")
        else:
            print(shown(one, renderer.template_name, coloured) + "\n")
