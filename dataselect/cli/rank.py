"""`dataselect rank`: whole pools beside each other."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dataselect.cli import options
from dataselect.cli.options import column_map, engine_arguments, named_model, render_options, say
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
    help="What of an example is embedded.",
)  # fmt: skip
@options.out_directory
@click.option("--backend", default="auto", show_default=True, metavar="B", help="auto, transformers or vllm.")
@options.template
@click.option("--dtype", default="auto", show_default=True, metavar="D", help="float32, bfloat16 or float16.")
@click.option("--batch-tokens", type=click.IntRange(min=1), metavar="N", help="Most tokens computed at once.")
@click.option(
    "--engine-arg", "engine_args", multiple=True, metavar="K=V", help="An argument for vLLM, by its own name."
)
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Read at most N records of each pool.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of the bootstrap.")
@click.option("--no-cache", is_flag=True, help="Score again what was scored before.")
@options.columns
def command(
    pools: tuple[str, ...], models: tuple[str, ...], targets: tuple[str, ...], encoder: str | None, top_k: int | None,
    embed_text: EmbedText, out: Path, overwrite: bool, backend: str, dtype: str, batch_tokens: int | None,
    engine_args: tuple[str, ...], limit: int | None, seed: int, no_cache: bool, **shared: Any,
) -> None:  # fmt: skip
    """Compare whole pools, to tell which one this model should be trained on.

    Each pool gets its perplexity and bits per byte under every model, its lengths, the defects that its text shows, and
    with --target its similarity to the target, all with 95 % intervals. Rows that share text with the target are
    removed first, so that a pool that holds the target cannot win by it. The orders say which pools cannot be told
    apart. The tables go to stdout, all numbers to DIR/rank.json. An interrupted run goes on when it is called again.

    \b
    Example:
      dataselect rank alpaca.json gsm8k.jsonl --model builtin --out ranking
      dataselect rank a.jsonl b.jsonl --model base --model other=models/other --target dev.jsonl --limit 1000
        --out ranking
    """
    from dataselect.ranking import RankRequest, rank
    from dataselect.ranking.printed import lines

    if not targets and (encoder or top_k):
        raise UsageError("--encoder and --top-k need --target", "without targets there is nothing to be near to")
    request = RankRequest(
        pools=pools, models=tuple(named_model(one) for one in models), out=out, targets=targets,
        encoder=encoder or "minilm", top_k=top_k or 10, embed_text=embed_text, rendering=render_options(shared),
        columns=column_map(shared), prefix_ids=shared["prefix_ids"], backend=backend, dtype=dtype,
        batch_tokens=batch_tokens, engine_args=engine_arguments(engine_args), limit=limit, seed=seed,
        cache=not no_cache, overwrite=overwrite,
    )  # fmt: skip
    for line in lines(rank(request, say)):
        print(line)
    say(f"all numbers: {out / 'rank.json'}")
