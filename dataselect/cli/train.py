"""`dataselect train`: a selection and a base model in, a model folder out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from dataselect.cli import options
from dataselect.cli.options import given_rendering


@click.command()
@click.argument("file", metavar="FILE.jsonl", type=click.Path(path_type=Path))
@options.model
@options.out_directory
@click.option("--config", type=click.Path(path_type=Path), metavar="YAML", help="Recipe; single options override it.")
@click.option("--lora", is_flag=True, default=None, help="Train low-rank adapters and merge them.")
@click.option("--epochs", type=float, metavar="N", help="Passes over the selection [default: 3].")
@click.option("--max-steps", type=int, metavar="N", help="Optimiser steps; overrides --epochs.")
@click.option("--learning-rate", type=float, metavar="X", help="Peak learning rate [default: 1e-4].")
@click.option("--batch-size", type=int, metavar="N", help="Rows per optimiser step [default: 16].")
@click.option(
    "--max-grad-norm", type=float, metavar="X", help="Clip gradients to this norm; 0: no clipping [default: 1]."
)
@click.option("--dtype", metavar="D", help="auto, float32 or bfloat16 [default: auto].")
@click.option("--seed", type=int, metavar="S", help="Seed of data order, adapters and dropout [default: 0].")
@options.template
def command(
    file: Path,
    model: str,
    out: Path,
    config: Path | None,
    overwrite: bool,
    **settings: Any,
) -> None:
    """Fine-tune a model on a selection.

    DIR becomes a model folder (safetensors, tokenizer, chat template) with train_log.jsonl and manifest.json. Only
    response and end-of-turn tokens are trained. FILE.manifest.json, if present, decides how rows are rendered; an
    option that contradicts it is an error.

    \b
    Example:
      dataselect train low.jsonl --model builtin --out models/low
      dataselect train low.jsonl --model builtin --out models/low-lora --lora --learning-rate 2e-4 --seed 1
    """
    from dataselect.training import TrainRequest, train
    from dataselect.training.config import resolve_config

    rendering = given_rendering(settings)
    recipe = resolve_config(config, {name: value for name, value in settings.items() if value is not None})
    summary = train(
        TrainRequest(file=file, model=model, out=out, config=recipe, rendering=rendering, overwrite=overwrite)
    )
    for warning in summary.warnings:
        options.say(f"warning: {warning}")
    options.say(summary.line)
