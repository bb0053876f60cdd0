"""`dataselect score`: one row of numbers per example."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dataselect.cli import options
from dataselect.cli.options import column_map, engine_arguments, named_model, render_options, say

if TYPE_CHECKING:
    from dataselect.scoring import ScoreRequest


@click.command("score")
@options.pools
@click.option(
    "--model", "models", required=True, multiple=True, metavar="[NAME=]M",
    help="builtin, a model folder, or a hub id. Again for models to compare with: columns get the suffix .NAME.",
)  # fmt: skip
@click.option(
    "--out", type=click.Path(path_type=Path), metavar="DIR", help="Folder for the results; required to score."
)
@click.option("--overwrite", is_flag=True, help="Remove this command's own files in DIR first.")
@click.option("--backend", default="auto", show_default=True, metavar="B", help="auto, transformers, vllm or server.")
@options.template
@click.option("--ifd", is_flag=True, help="Score the final response without its prompt too.")
@click.option(
    "--rating", "ratings", multiple=True, metavar="R",
    help="complexity or quality: the digit from 1 to 6 that the model expects (Deita), at six sequences per exchange; "
    "may be repeated.",
)  # fmt: skip
@click.option("--tokens", is_flag=True, help="Keep every token's log-probability and rank in DIR/tokens.")
@click.option("--no-ranks", is_flag=True, help="Leave out shifted_fraction and marginal_fraction.")
@click.option("--dtype", default="auto", show_default=True, metavar="D", help="float32, bfloat16 or float16.")
@click.option("--batch-tokens", type=click.IntRange(min=1), metavar="N", help="Most tokens computed at once.")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Read at most N records.")
@click.option(
    "--engine", type=click.Choice(["local", "ray"]), default="local", show_default=True,
    help="Where workers run: on this machine or on a Ray cluster.",
)  # fmt: skip
@click.option("--workers", type=click.IntRange(min=1), default=1, show_default=True, metavar="N",
              help="Processes that score side by side, one GPU each where there are GPUs.")  # fmt: skip
@click.option(
    "--engine-arg", "engine_args", multiple=True, metavar="K=V", help="An argument for vLLM, by its own name."
)
@click.option(
    "--server", metavar="URL", envvar="DATASELECT_SERVER", help="Server for --backend server, as http://host:8000/v1."
)
@click.option("--served-model", metavar="NAME", help="The model's name on that server [default: the only one].")
@click.option("--no-cache", is_flag=True, help="Score again what was scored before.")
@click.option("--strict", is_flag=True, help="Exit with 1 if any record was rejected.")
@click.option("--estimate", is_flag=True, help="Only print what it will take: rows, tokens, time, memory and disk.")
@options.columns
def command(
    pools: tuple[str, ...], models: tuple[str, ...], out: Path | None, overwrite: bool, backend: str, ifd: bool,
    ratings: tuple[str, ...], tokens: bool, no_ranks: bool, dtype: str, batch_tokens: int | None, limit: int | None,
    engine: Any, workers: int, engine_args: tuple[str, ...], server: str | None, served_model: str | None,
    no_cache: bool, strict: bool, estimate: bool, **shared: Any,
) -> int:  # fmt: skip
    """Score every example of the pools with a language model.

    Writes DIR/scores.parquet (one row per example), rejects.jsonl and manifest.json. auto is vllm where it is
    installed and CUDA is visible, else transformers. An interrupted run goes on when it is called again, and rows
    that were scored before in the same way come from a cache. --estimate scores a few rows and tells what all of them
    will take; it needs no --out and writes nothing.

    \b
    Example:
      dataselect score alpaca.json gsm8k.jsonl --model builtin --ifd --out scores
      dataselect score pool.jsonl --model base --model tuned=runs/tuned --tokens --out scores
      dataselect score pool.jsonl --model M --tokens --estimate
      dataselect score pool.jsonl --model SCORER --rating complexity --rating quality --out ratings
      dataselect score pool.jsonl --model M --backend server --server http://127.0.0.1:8000/v1 --out scores
    """
    from dataselect.scoring import ScoreRequest

    if out is None and not estimate:
        raise click.MissingParameter(ctx=click.get_current_context(), param_hint="'--out'", param_type="option")
    model, *further = models
    request = ScoreRequest(
        pools=pools, model=model, references=tuple(named_model(one) for one in further), out=out or Path(os.devnull),
        backend=backend, rendering=render_options(shared), columns=column_map(shared), prefix_ids=shared["prefix_ids"],
        ifd=ifd, ratings=ratings, tokens=tokens, ranks=not no_ranks, dtype=dtype, batch_tokens=batch_tokens,
        engine_args=engine_arguments(engine_args), server=server if backend == "server" else None,
        served_model=served_model, limit=limit, engine=engine, workers=workers, cache=not no_cache,
        overwrite=overwrite,
    )  # fmt: skip
    return _estimate(request) if estimate else _score(request, strict)


def _estimate(request: ScoreRequest) -> int:
    from tqdm import tqdm

    from dataselect.cli.estimate import print_estimate
    from dataselect.scoring.estimate import estimate

    with tqdm(unit=" records", desc="calibrate", disable=None) as bar:

        def show(done: int) -> None:
            bar.update(done)

        found = estimate(request, show)
    print_estimate(found)
    return 0


def _score(request: ScoreRequest, strict: bool) -> int:
    from tqdm import tqdm

    from dataselect.scoring import score

    with tqdm(unit=" records", desc="score", disable=None) as bar:

        def show(done: int) -> None:
            bar.update(done)

        summary = score(request, show)
    for note in summary.notes:
        say(f"note: {note}")
    told = ", ".join(f"{count:,} {status}" for status, count in summary.counts.items() if count)
    speed = f", {summary.tokens_per_second:,.0f} tokens/s" if summary.tokens_per_second else ""
    cached = f", {summary.cached:,} from the cache" if summary.cached else ""
    finished = f"{request.out} is finished already: {told}"
    say(f"{request.out}: {told}{cached}{speed}" if summary.fresh else finished)
    return 1 if strict and summary.rejects else 0
