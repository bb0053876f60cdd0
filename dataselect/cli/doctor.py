"""`dataselect doctor`: what is installed, what is missing and what to type, and whether a model is fit to be used."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from dataselect.cli import options
from dataselect.cli.options import emit, render_options

if TYPE_CHECKING:
    from dataselect.scoring.fitness import ModelFitness


@click.command("doctor")
@click.option("--model", metavar="M", help="Also load this model: `builtin`, a folder or a hub id.")
@options.template
def command(model: str | None, **shared: Any) -> int:
    """Say what is installed and what is missing, and whether a model is fit to be scored and trained.

    Prints versions, processor, memory and GPUs, every extra with the packages that it lacks, and the folder of the
    score cache. With --model the model is loaded and fed a few plain exchanges: template, BOS, the token that ends a
    response, and whether rows run in packs. Exits with 1 if a required package is missing, or there is something to
    know about the model before it is used.

    \b
    Example:
      dataselect doctor
      dataselect doctor --model Qwen/Qwen2.5-0.5B
    """
    from dataselect.extras import missing

    lacking = missing()
    for line in _installation(lacking):
        emit(line)
    if model is None:
        return int(bool(lacking))
    from dataselect.scoring.fitness import examine

    emit("")
    found = examine(model, render_options(shared))
    for line in _model(found):
        emit(line)
    return int(bool(lacking or found.warnings))


def _installation(lacking: tuple[str, ...]) -> Iterator[str]:
    import torch  # noqa: F401 - so that GPUs are seen

    from dataselect.extras import extras
    from dataselect.scoring.cache import cache_path
    from dataselect.stage.provenance import environment

    found = environment()
    yield ", ".join(f"{name} {version}" for name, version in found["versions"].items())
    machine = found["hardware"]
    gpus = ", ".join(machine.get("gpus", [])) or "no GPU visible"
    yield f"{machine['processor']}, {machine['cores']} cores, {machine['memory_gib']} GiB, {machine['system']}; {gpus}"
    yield f"score cache: {cache_path()}"
    if lacking:
        yield f"missing: {', '.join(lacking)} (pip install --upgrade dataselect)"
    yield ""
    for extra in extras():
        state = f"missing {', '.join(extra.missing)}: pip install 'dataselect[{extra.name}]'"
        yield f"  {extra.name:<12}{state if extra.missing else 'installed'}"


def _model(found: ModelFitness) -> Iterator[str]:
    feeding = found.feeding
    positions = f"{found.positions:,} positions" if found.positions else "states no number of positions"
    yield f"{found.model}: loads with {found.backend} in {found.dtype}; {positions}"
    bos = {None: "the model has none", True: "in front of every row", False: "left out"}[feeding.with_bos]
    other = feeding.sentence_ppl_otherwise
    compared = "" if other is None else f", {other:,.1f} with BOS {'removed' if feeding.with_bos else 'added'}"
    yield f"  template: {found.template}"
    yield f"  BOS: {bos}; a plain sentence has a perplexity of {feeding.sentence_ppl:,.1f}{compared}"
    likely = "" if feeding.end_probability is None else f", probability up to {feeding.end_probability:.2g}"
    yield f"  end of a response: {found.end or 'no token'}{likely}"
    yield f"  packs: {'off' if found.alone else 'on'}"
    for line in found.warnings:
        yield f"  warning: {line}"
    if not found.warnings:
        yield "  fit to be scored and trained"
