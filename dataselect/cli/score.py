"""`dataselect score`: one row of numbers per example."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from dataselect.cli import options
from dataselect.cli.options import column_map, engine_arguments, render_options, say
from dataselect.errors import UsageError

if TYPE_CHECKING:
    from dataselect.scoring import ScoreRequest, ScoreSummary


@click.command("score")
@click.argument("pools", metavar="POOL...", nargs=-1)
@click.option(
    "--model", "models", multiple=True, metavar="[NAME=]M",
    help="builtin, a model folder, or a hub id. Again for models to compare with: columns get the suffix .NAME.",
)  # fmt: skip
@click.option(
    "--out", type=click.Path(path_type=Path), metavar="DIR", help="Folder for the results; required to score."
)
@options.overwrite
@click.option("--backend", default="auto", show_default=True, metavar="B", help="auto, transformers, vllm or server.")
@options.template
@click.option("--ifd", is_flag=True, help="Score the final response without its prompt too.")
@click.option(
    "--rating", "ratings", multiple=True, metavar="R",
    help="complexity or quality: the digit from 1 to 6 that the model expects (Deita), at six sequences per exchange; "
    "may be repeated.",
)  # fmt: skip
@click.option("--tokens", is_flag=True, help="Keep every token's log-probability and rank in DIR/tokens.")
@click.option("--no-ranks", is_flag=True, help="Leave out shifted_fraction, marginal_fraction and rsr.")
@click.option(
    "--rank-clip", type=click.IntRange(min=1), metavar="N",
    help="Higher ranks count as N in rsr [default: 100; with --from-tokens that of the run].",
)  # fmt: skip
@options.dtype
@options.batch_tokens
@options.limit()
@click.option(
    "--engine", type=click.Choice(["local", "ray"]), default="local", show_default=True,
    help="Where workers run: on this machine or on a Ray cluster.",
)  # fmt: skip
@click.option("--workers", type=click.IntRange(min=1), default=1, show_default=True, metavar="N",
              help="Processes that score side by side, one GPU each where there are GPUs.")  # fmt: skip
@options.engine_args
@options.server
@options.no_cache
@click.option("--strict", is_flag=True, help="Exit with 1 if any record was rejected.")
@options.estimate
@click.option(
    "--from-tokens", type=click.Path(path_type=Path), metavar="DIR",
    help="Derive the scores again from this finished folder of score --tokens, without POOL and --model.",
)  # fmt: skip
@options.columns
@options.preference_pairs
def command(
    pools: tuple[str, ...], models: tuple[str, ...], out: Path | None, overwrite: bool, backend: str, ifd: bool,
    ratings: tuple[str, ...], tokens: bool, no_ranks: bool, rank_clip: int | None,
    dtype: str, batch_tokens: int | None, limit: int | None,
    sample_seed: int | None, engine: Any, workers: int, engine_args: tuple[str, ...], server: str | None,
    served_model: str | None, no_cache: bool, strict: bool, estimate: bool,
    from_tokens: Path | None, **shared: Any,
) -> int:  # fmt: skip
    """Score every example of the pools with a language model.

    Writes DIR/scores.parquet (one row per example), rejects.jsonl and manifest.json. auto is vllm where it is
    installed and CUDA is visible, else transformers. An interrupted run resumes when the command is repeated, and
    rows that were scored before in the same way come from a cache. --estimate scores a few rows and extrapolates to all
    of them; it needs no --out and writes nothing. --from-tokens derives the same columns from kept tokens. With --pairs
    both replies are scored: the chosen one under the usual names, the rejected one with rejected_ before them.

    \b
    Example:
      dataselect score alpaca.json gsm8k.jsonl --model builtin --ifd --out scores
      dataselect score pool.jsonl --model base --model tuned=runs/tuned --tokens --out scores
      dataselect score pool.jsonl --model M --tokens --estimate
      dataselect score preferences.jsonl --pairs --model base --model tuned=runs/tuned --out scores
      dataselect score pool.jsonl --model SCORER --rating complexity --rating quality --out ratings
      dataselect score pool.jsonl --model M --backend server --server http://127.0.0.1:8000/v1 --out scores
      dataselect score --from-tokens scores --out derived
    """
    if from_tokens is not None:
        return _derive(from_tokens, out, rank_clip, overwrite, strict)
    _require("pools", "models")
    from dataselect.arguments import named_model
    from dataselect.likelihood import RANK_CLIP
    from dataselect.scoring import ScoreRequest

    options.require_out(out, estimate)
    if no_ranks and rank_clip is not None:
        raise UsageError("--rank-clip needs ranks and cannot be combined with --no-ranks", "leave one of them out")
    model, *further = models
    request = ScoreRequest(
        pools=pools, model=model, references=tuple(map(named_model, further)), out=out or Path(os.devnull),
        backend=backend, rendering=render_options(shared), columns=column_map(shared), prefix_ids=shared["prefix_ids"],
        ifd=ifd, ratings=ratings, tokens=tokens, ranks=not no_ranks,
        rank_clip=rank_clip or RANK_CLIP, dtype=dtype, batch_tokens=batch_tokens,
        engine_args=engine_arguments(engine_args), server=server if backend == "server" else None,
        served_model=served_model, limit=limit, sample_seed=sample_seed, engine=engine, workers=workers,
        cache=not no_cache, overwrite=overwrite,
    )  # fmt: skip
    return _estimate(request) if estimate else _score(request, strict)


def _estimate(request: ScoreRequest) -> int:
    from dataselect.cli.estimate import print_estimate
    from dataselect.scoring.estimate import estimate

    print_estimate(estimate(request))
    return 0


def _score(request: ScoreRequest, strict: bool) -> int:
    from dataselect.scoring import score

    warned: list[str] = []

    def warn(line: str) -> None:
        warned.append(line)
        say(f"warning: {line}")

    summary = score(request, warn=warn)
    for note in summary.notes:
        if note not in warned:
            say(f"note: {note}")
    return _print(summary, request.out, strict)


def _derive(from_tokens: Path, out: Path | None, rank_clip: int | None, overwrite: bool, strict: bool) -> int:
    from dataselect.scoring.rescore import RescoreRequest, rescore

    _refuse_others("from_tokens", "out", "rank_clip", "overwrite", "strict")
    options.require_out(out, estimate=False)
    assert out is not None
    request = RescoreRequest(tokens=from_tokens, out=out, rank_clip=rank_clip, overwrite=overwrite)
    return _print(rescore(request), out, strict)


def _require(*names: str) -> None:
    """Refuse a command line without these parameters, as click does where they are always required."""
    context = click.get_current_context()
    for parameter in context.command.params:
        if parameter.name in names and not context.params[parameter.name]:
            raise click.MissingParameter(ctx=context, param=parameter)


def _refuse_others(*allowed: str) -> None:
    """Refuse every parameter on the command line but these."""
    context = click.get_current_context()
    given = [
        "POOL" if isinstance(parameter, click.Argument) else parameter.opts[-1]
        for parameter in context.command.params
        if parameter.name not in allowed
        and context.params.get(str(parameter.name))
        and context.get_parameter_source(str(parameter.name)) is ParameterSource.COMMANDLINE
    ]
    if given:
        raise UsageError(
            f"--from-tokens derives the scores of an earlier run and cannot be combined with {', '.join(given)}",
            "leave that out, or score again without --from-tokens",
        )


def _print(summary: ScoreSummary, out: Path, strict: bool) -> int:
    from dataselect.pool.sources import by_source

    counts = ", ".join(f"{count:,} {status}" for status, count in summary.counts.items() if count)
    speed = f", {summary.tokens_per_second:,.0f} tokens/s" if summary.tokens_per_second else ""
    cached = f", {summary.cached:,} from the cache" if summary.cached else ""
    sources = by_source({name: f"{rows:,}" for name, rows in summary.sources.items()})
    counts += f" (rows: {sources})" if sources else ""
    finished = f"{out} is finished already: {counts}"
    say(f"{out}: {counts}{cached}{speed}" if summary.fresh else finished)
    return 1 if strict and summary.rejects else 0
