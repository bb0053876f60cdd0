"""`dataselect rank`: compare whole pools."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dataselect.cli import options
from dataselect.cli.options import column_map, engine_arguments, render_options, say
from dataselect.errors import UsageError

if TYPE_CHECKING:
    from dataselect.embeddings.texts import EmbedText


@click.command("rank")
@options.pools
@click.option(
    "--model", "models", required=True, multiple=True, metavar="[NAME=]M",
    help="builtin, a model folder, or a hub id. Again for models to compare: what is general, what is model-specific.",
)  # fmt: skip
@click.option(
    "--target", "targets", multiple=True, metavar="FILE",
    help="Examples of what the model should become good at; may be repeated, all files make one set.",
)  # fmt: skip
@click.option("--encoder", metavar="E", help="For similarity: see `dataselect ls encoders` [default: minilm].")
@click.option("--top-k", type=click.IntRange(min=1), metavar="K", help="Nearest targets averaged over [default: 10].")
@click.option(
    "--embed-text", type=click.Choice(["prompt", "response", "both"]), default="prompt", show_default=True,
    help="Which part of an example is embedded.",
)  # fmt: skip
@click.option("--out", type=click.Path(path_type=Path), metavar="DIR", help="Folder for the results; required to rank.")
@options.overwrite
@click.option("--backend", default="auto", show_default=True, metavar="B", help="auto, transformers or vllm.")
@options.template
@options.dtype
@options.batch_tokens
@options.engine_args
@options.limit()
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Seed of the bootstrap.")
@options.no_cache
@options.estimate
@options.columns
def command(
    pools: tuple[str, ...], models: tuple[str, ...], targets: tuple[str, ...], encoder: str | None, top_k: int | None,
    embed_text: EmbedText, out: Path | None, overwrite: bool, backend: str, dtype: str, batch_tokens: int | None,
    engine_args: tuple[str, ...], limit: int | None, sample_seed: int | None, seed: int, no_cache: bool,
    estimate: bool, **shared: Any,
) -> None:  # fmt: skip
    """Compare whole pools, to find the one that this model should be trained on.

    Each pool gets its perplexity and bits per byte under every model, its lengths, the defects that its text shows, and
    with --target its similarity to the target, all with 95 % intervals. Rows that share text with the target are
    removed first, so that a pool that holds the target cannot win by it. The orders show which pools cannot be
    distinguished. The tables go to stdout, all numbers to DIR/rank.json. Each model scores all pools in one run, and is
    loaded once; an interrupted run resumes when the command is repeated.

    --estimate scores and embeds a few rows and extrapolates to all of them; it needs no --out and writes nothing.

    \b
    Example:
      dataselect rank alpaca.json gsm8k.jsonl --model builtin --out ranking
      dataselect rank a.jsonl b.jsonl --model base --model other=models/other --target dev.jsonl --limit 1000
        --out ranking
      dataselect rank a.jsonl b.jsonl --model base --target dev.jsonl --limit 1000 --sample-seed 0 --estimate
    """
    from dataselect.arguments import named_model
    from dataselect.pool_ranking import RankRequest, rank
    from dataselect.pool_ranking.printed import lines

    options.require_out(out, estimate)
    if not targets and (encoder or top_k):
        raise UsageError("--encoder and --top-k require --target", "add --target FILE, or leave them out")
    request = RankRequest(
        pools=pools, models=tuple(map(named_model, models)), out=out or Path(os.devnull), targets=targets,
        encoder=encoder or "minilm", top_k=top_k or 10, embed_text=embed_text, rendering=render_options(shared),
        columns=column_map(shared), prefix_ids=shared["prefix_ids"], backend=backend, dtype=dtype,
        batch_tokens=batch_tokens, engine_args=engine_arguments(engine_args), limit=limit, sample_seed=sample_seed,
        seed=seed, cache=not no_cache, overwrite=overwrite,
    )  # fmt: skip
    if estimate:
        from dataselect.cli.estimate import print_rank_estimate
        from dataselect.pool_ranking.estimate import estimate_ranking

        print_rank_estimate(estimate_ranking(request))
        return
    for line in lines(rank(request, say)):
        options.emit(line)
    say(f"all numbers: {request.out / 'rank.json'}")
