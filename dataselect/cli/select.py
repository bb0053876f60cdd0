"""`dataselect select`."""

from __future__ import annotations

from pathlib import Path

import click

from dataselect.cli import options


@click.command()
@options.pools
@click.option("--strategy", required=True, metavar="NAME", help="How to rank; see `dataselect ls strategies`.")
@click.option("--param", "params", multiple=True, metavar="K=V", help="An option of the strategy; may be repeated.")
@click.option("--budget", required=True, metavar="N|P%|Ntok", help="How many examples, per cent of rows, or tokens.")
@click.option(
    "--scores", multiple=True, type=click.Path(path_type=Path), metavar="DIR",
    help="Folder of `score` (or a .parquet file); may be repeated. Only rows scored in all of them are ranked.",
)  # fmt: skip
@click.option("--embeddings", type=click.Path(path_type=Path), metavar="DIR", help="Folder of `embed --target`.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="For strategies that draw.")
@click.option("--out", required=True, type=click.Path(path_type=Path), metavar="FILE.jsonl", help="File to write.")
@options.columns
def command(
    pools: tuple[str, ...],
    strategy: str,
    params: tuple[str, ...],
    budget: str,
    scores: tuple[Path, ...],
    embeddings: Path | None,
    seed: int,
    out: Path,
    prefix_ids: bool,
    **columns: str | None,
) -> None:
    """Rank a pool by a strategy and write the best within a budget.

    FILE.jsonl holds the records as they came, best first, each with "_dataselect" (id, rank, strategy, score);
    FILE.manifest.json beside it says what was selected from what, and why the rest was not.

    \b
    Example:
      dataselect select pool.jsonl --strategy ppl-low --scores scores --budget 10% --out low.jsonl
      dataselect select pool.jsonl --strategy random --scores scores --budget 50000tok --seed 1 --out random.jsonl
      dataselect select pool.jsonl --strategy length-matched-random --param match=low.jsonl --scores scores
        --budget 10% --out control.jsonl
    """
    from dataselect.pool import ColumnMap
    from dataselect.selection import SelectRequest, select

    named = ColumnMap(**{name.removesuffix("_column"): value for name, value in columns.items()})
    request = SelectRequest(
        pools, strategy, budget, out, options.pairs("--param", params), scores, embeddings, seed, named, prefix_ids
    )
    options.say(select(request).line)
