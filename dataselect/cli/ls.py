"""`dataselect ls`: list scorers, strategies, templates, tasks or encoders."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Iterator
from typing import Any

import click

from dataselect.cli.options import emit
from dataselect.errors import UsageError
from dataselect.registry import unknown

Row = tuple[str, ...]


def _scorers() -> Iterator[Row]:
    from dataselect.scoring.scorers import SCORERS

    needs = {
        "": "",
        "ifd": "--ifd",
        "ranks": "not --no-ranks",
        "models": "--model, twice",
        "rating": "--rating",
        "pairs": "--pairs",
    }
    yield ("NAME", "NEEDS", "MEANING", "SOURCE")
    for scorer in SCORERS:
        yield (scorer.name, needs[scorer.needs], scorer.meaning, scorer.source)


def _strategies() -> Iterator[Row]:
    from dataselect.strategies import STRATEGIES

    yield ("NAME", "NEEDS", "NESTS", "RULE", "PAPER")
    for name in STRATEGIES.names():
        kind = STRATEGIES.load(name)
        yield (name, _needs(kind), "yes" if kind.nests else "no", kind.summary, kind.paper)


def _needs(kind: type[Any]) -> str:
    """Return the inputs that a strategy requires, in words; required options get placeholder values for that."""
    required = [f.name for f in dataclasses.fields(kind) if f.default is dataclasses.MISSING]
    options = [f"--param {name}={name.upper()}" for name in required]
    try:
        needs = kind(**{name: name.upper() for name in required}).needs
    except (ValueError, UsageError):  # it combines what the option names
        return f"what {', '.join(options)} names"
    others = {
        "embeddings": needs.vectors,
        "embedded targets": needs.targets,
        "texts": needs.texts,
        "--target FILE": needs.target_texts,
        "sources": needs.sources,
    }
    given = [name for name, needed in others.items() if needed]
    return ", ".join([*needs.columns, *given, *options]) or "-"


def _templates() -> Iterator[Row]:
    yield ("NAME", "WHAT")
    yield ("auto", "chat where the tokenizer has a chat template, else alpaca; plain text is always text")
    yield ("chat", "the tokenizer's own chat template")
    yield ("alpaca", "### Instruction, ### Input, ### Response")
    yield ("qa", "###Question, ###Answer (Harada et al. 2025)")
    yield ("text", "no markup")
    yield ("FILE", "a Jinja chat template")


def _tasks() -> Iterator[Row]:
    from dataselect.evaluation.tasks import KINDS

    yield ("KIND", "GIVEN BY", "METRICS, AND WHAT IS BETTER")
    for kind in KINDS:
        metrics = ", ".join(f"{metric.name} ({metric.direction})" for metric in kind.metrics)
        yield (kind.name, kind.given_by, metrics or "the task's own")


def _encoders() -> Iterator[Row]:
    from dataselect.embeddings.encoders import ENCODERS

    yield ("NAME", "WHAT")
    for name in ENCODERS.names():
        yield (name, (inspect.getdoc(ENCODERS.load(name)) or "").split("\n")[0])
    yield ("FOLDER or ID", "a sentence-transformers model, or a causal language model's last hidden layer (--pooling)")
    yield ("FOLDER", "an earlier `dataselect embed --encoder tfidf`: other texts in the space that it fitted")


KINDS: dict[str, tuple[Callable[[], Iterator[Row]], str]] = {
    "scorers": (_scorers, "what `score` computes for every row"),
    "strategies": (_strategies, "how `select` ranks a pool"),
    "templates": (_templates, "how a record becomes text"),
    "tasks": (_tasks, "what `evaluate` measures"),
    "encoders": (_encoders, "what `embed` makes vectors with"),
}
"""kind -> its rows, and what it is."""


def _kinds() -> Iterator[Row]:
    yield ("KIND", "WHAT")
    for kind, (_, what) in KINDS.items():
        yield (kind, what)


@click.command("ls")
@click.argument("kind", metavar="[KIND]", default="")
def command(kind: str) -> None:
    """List scorers, strategies, templates, tasks or encoders; without a KIND, what can be listed.

    \b
    Example:
      dataselect ls
      dataselect ls strategies
    """
    if kind and kind not in KINDS:
        raise unknown("kind of list", kind, KINDS)
    rows = list(KINDS[kind][0]() if kind else _kinds())
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        emit("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
