"""`dataselect recommend`: which rows to train on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from dataselect.cli import options


@click.command("recommend")
@options.pools
@options.model
@click.option(
    "--task", "tasks", multiple=True, metavar="[NAME=][KIND:]FILE",
    help="Examples of what the model should become good at; half of them steer the search, the other half gives the "
    "figures. May be repeated.",
)  # fmt: skip
@click.option(
    "--budget", "budgets", multiple=True, metavar="B", default=("auto",), show_default=True,
    help="How much to recommend: auto, N rows, P% of the rows, or Ntok tokens; may be repeated.",
)  # fmt: skip
@click.option("--time", "time_", metavar="T", help="Time for everything, as 45m or 2h [default: 1h].")
@click.option(
    "--train-tokens", type=click.IntRange(min=1), metavar="N",
    help="Tokens of all trainings together, in place of --time: the same answer on every machine.",
)  # fmt: skip
@click.option("--lora/--full", default=False, help="Train adapters, or all weights [default: --full].")
@click.option("--strategies", metavar="A,B,C", help="Strategies to try [default: see configs/candidates.yaml].")
@click.option(
    "--candidates", type=click.Path(path_type=Path), metavar="YAML", help="Pools, mixtures, filters, strategies to try."
)
@click.option(
    "--config", type=click.Path(path_type=Path), metavar="YAML",
    help="Recipe of a training, as in `train`; the default is its recipe with 1 epoch, and with a learning rate of "
    "1e-3 and batches of 8 for the builtin model. With adapters the default rate is 10 times that of all weights. "
    "`dtype: bfloat16` trains and evaluates in bfloat16, which is faster on a CPU with avx512_bf16 or amx_bf16.",
)  # fmt: skip
@click.option("--encoder", default="minilm", show_default=True, metavar="E", help="See `dataselect ls encoders`.")
@click.option(
    "--run-code",
    is_flag=True,
    help="Execute programs that the models write; tasks with unit tests need it. No sandbox.",
)
@click.option("--estimate", is_flag=True, help="Only print the models, tokens, time and disk that it would take.")
@click.option(
    "--seed", type=click.IntRange(min=0, max=100_000), default=0, show_default=True, help="Seed of everything."
)
@options.template
@options.columns
@options.out_directory
def command(
    pools: tuple[str, ...], model: str, tasks: tuple[str, ...], budgets: tuple[str, ...], time_: str | None,
    train_tokens: int | None, lora: bool, strategies: str | None, candidates: Path | None, config: Path | None,
    encoder: str, run_code: bool, estimate: bool, seed: int, out: Path, overwrite: bool, **shared: Any,
) -> None:  # fmt: skip
    """Find the rows to train on, by short trainings that are measured on your task.

    Audits the pools, removes duplicates, faults and leaks of the task, tries pools, mixtures and strategies in a race
    of short trainings, and trains the winner and random rows again with fresh seeds, judged on items that the search
    did not see. Writes DIR/recommended.jsonl (the rows, best first), recommendation.json and report.html. The same
    command goes on where it was stopped; with more time or tokens it continues the search.

    \b
    Example:
      dataselect recommend alpaca.json gsm8k.jsonl --model M --task dev.jsonl --out answer
      dataselect recommend pool.jsonl --model M --task dev.jsonl --time 4h --lora --budget 1000 --out answer
    """
    from dataselect.recommendation import RecommendRequest, parse_seconds, recipe_of, recommend

    request = RecommendRequest(
        pools=pools, model=model, tasks=tasks, out=out, budgets=budgets,
        seconds=None if time_ is None else parse_seconds(time_), train_tokens=train_tokens,
        strategies=tuple(one.strip() for one in (strategies or "").split(",") if one.strip()), candidates=candidates,
        recipe=recipe_of(config, model, lora), encoder=encoder, seed=seed, rendering=options.render_options(shared),
        columns=options.column_map(shared), prefix_ids=shared["prefix_ids"], run_code=run_code,
        overwrite=overwrite,
    )  # fmt: skip
    if estimate:
        from dataselect.cli.estimate import print_recommendation_estimate
        from dataselect.recommendation.estimate import estimate_recommendation

        print_recommendation_estimate(estimate_recommendation(request, options.say))
        return
    made = recommend(request, options.say)
    options.emit(made.sentence)
    options.emit(f"rows: {out / 'recommended.jsonl'}")
    options.emit(f"report: {out / 'report.html'}; all numbers: {out / 'recommendation.json'}")
