"""`dataselect layers`: compare the weights of tuned models with those of their base."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from dataselect.cli import options
from dataselect.cli.options import column_map, render_options, say
from dataselect.errors import UsageError

_PATH = click.Path(path_type=Path)


@click.command("layers")
@click.argument("base", metavar="BASE")
@click.argument("tuned", metavar="[NAME=]TUNED...", nargs=-1, required=True)
@options.out_directory
@click.option(
    "--gains", type=_PATH, multiple=True, metavar="FILE.csv|DIR",
    help="What each run gained: a CSV of run and gain (strategy and budget if you like), an experiment folder, or "
    "folders of `evaluate`, the base's too.",
)  # fmt: skip
@click.option("--join", "joined", type=_PATH, multiple=True, metavar="DIR", help="An earlier folder of this command.")
@click.option("--no-spectrum", is_flag=True, help="Leave out singular values: most of the work for full models.")
@click.option("--pool", multiple=True, metavar="POOL", help="Also run the models on these texts: intrinsic dimension.")
@options.limit(1000)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Seed of the bootstrap.")
@options.template
@options.columns
def command(
    base: str, tuned: tuple[str, ...], out: Path, overwrite: bool, gains: tuple[Path, ...], joined: tuple[Path, ...],
    no_spectrum: bool, pool: tuple[str, ...], limit: int, sample_seed: int | None, seed: int, prefix_ids: bool,
    **shared: Any,
) -> None:  # fmt: skip
    """Compare the weights of tuned models with those of their base, layer by layer.

    A TUNED is a model folder, a LoRA adapter folder (read as it is, without merging) or a folder of `dataselect train`.
    Weights are read part by part from safetensors, so models larger than memory work; pickled weights are refused. For
    every layer and matrix: relative change, angle and cosine, ranks and largest singular values of the change. With
    --gains the correlation of each depth's change with the gain, over runs of one budget, controls apart; with --join
    also over runs of other bases, on a common axis of relative depth. --pool runs the models, and needs memory for one
    of them.

    \b
    Example:
      dataselect layers builtin models/low models/random=runs/7 --out layers
      dataselect layers builtin runs/first/models/* --gains runs/first --out layers
      dataselect layers base adapters/a --pool pool.jsonl --limit 500 --out layers
    """
    from dataselect.arguments import named_model
    from dataselect.layers import LayersRequest, layers
    from dataselect.layers.printed import lines

    if not pool and options.typed("limit", "sample_seed", "prefix_ids"):
        raise UsageError("--limit, --sample-seed and --prefix-ids require --pool", "add --pool POOL")
    request = LayersRequest(
        base=base, tuned=tuple(map(named_model, tuned)), out=out, spectra=not no_spectrum, gains=gains, joined=joined,
        pool=pool, limit=limit, sample_seed=sample_seed, rendering=render_options(shared), columns=column_map(shared),
        prefix_ids=prefix_ids, seed=seed, overwrite=overwrite,
    )  # fmt: skip
    summary = layers(request, say)
    for line in lines(summary.document):
        options.emit(line)
    say(f"all numbers: {out / 'layers.json'}; the page: {out / 'layers.html'}")
