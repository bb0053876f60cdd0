"""`dataselect score`: one row of numbers per example."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from dataselect.cli import options
from dataselect.cli.options import column_map, render_options, say


@click.command("score")
@options.pools
@options.model
@options.out_directory
@click.option("--backend", default="auto", show_default=True, metavar="B", help="auto, transformers or vllm.")
@options.template
@click.option("--ifd", is_flag=True, help="Score the final response without its prompt too.")
@click.option("--no-ranks", is_flag=True, help="Leave out shifted_fraction and marginal_fraction.")
@click.option("--dtype", default="auto", show_default=True, metavar="D", help="float32, bfloat16 or float16.")
@click.option("--batch-tokens", type=click.IntRange(min=1), metavar="N", help="Most tokens computed at once.")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Read at most N records.")
@click.option("--strict", is_flag=True, help="Exit with 1 if any record was rejected.")
@options.columns
def command(
    pools: tuple[str, ...], model: str, out: Path, overwrite: bool, backend: str, ifd: bool, no_ranks: bool,
    dtype: str, batch_tokens: int | None, limit: int | None, strict: bool, **shared: Any,
) -> int:  # fmt: skip
    """Score every example of the pools with a language model.

    Writes DIR/scores.parquet (one row per example), rejects.jsonl and manifest.json. auto is vllm where it is
    installed and CUDA is visible, else transformers. An interrupted run goes on when it is called again.

    \b
    Example:
      dataselect score alpaca.json gsm8k.jsonl --model builtin --ifd --out scores
    """
    from tqdm import tqdm

    from dataselect.scoring import ScoreRequest, score

    request = ScoreRequest(
        pools=pools, model=model, out=out, backend=backend, rendering=render_options(shared),
        columns=column_map(shared), prefix_ids=shared["prefix_ids"], ifd=ifd, ranks=not no_ranks, dtype=dtype,
        batch_tokens=batch_tokens, limit=limit, overwrite=overwrite,
    )  # fmt: skip
    with tqdm(unit=" records", desc="score", disable=None) as bar:

        def show(done: int) -> None:
            bar.update(done)

        summary = score(request, show)
    told = ", ".join(f"{count:,} {status}" for status, count in summary.counts.items() if count)
    speed = f", {summary.tokens_per_second:,.0f} tokens/s" if summary.tokens_per_second else ""
    say(f"{out}: {told}{speed}" if summary.fresh else f"{out} is finished already: {told}")
    return 1 if strict and summary.rejects else 0
