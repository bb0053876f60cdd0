"""The options of `dataselect select` that leave rows out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import click

from dataselect.errors import UsageError

if TYPE_CHECKING:
    from dataselect.selection import Filters

Command = TypeVar("Command", bound=Callable[..., Any])

_OPTIONS = (
    click.option(
        "--where", default="", metavar="EXPR",
        help='Only rows for which it is true: columns of --scores, and source. "response_tokens > 20 and ppl < 50"',
    ),
    click.option("--min-tokens", type=click.IntRange(min=1), metavar="N", help="Least tokens of a response."),
    click.option("--max-tokens", type=click.IntRange(min=1), metavar="N", help="Most tokens of a response."),
    click.option(
        "--dedup", multiple=True, type=click.Choice(["exact", "ngram", "semantic"]),
        help="Drop rows that repeat a higher one: the same text, most of its word 5-grams (MinHash), or nearly the "
        "same embedding; may be repeated.",
    ),
    click.option(
        "--dedup-threshold", type=float, metavar="X",
        help="Jaccard similarity from which rows repeat each other, for --dedup ngram [default: 0.8].",
    ),
    click.option(
        "--dedup-cosine", type=float, metavar="X",
        help="Cosine over which rows repeat each other, for --dedup semantic [default: 0.95].",
    ),
    click.option(
        "--decontaminate", multiple=True, metavar="FILE",
        help="An evaluation set: rows that share text with it are left out; may be repeated.",
    ),
    click.option(
        "--decontaminate-ngram", type=click.IntRange(min=1), metavar="N",
        help="How many words in a row are shared text [default: 13].",
    ),
    click.option(
        "--decontaminate-cosine", type=float, metavar="X",
        help="Also leave out rows with a larger cosine than this to a target of --embeddings.",
    ),
)  # fmt: skip


def filter_options(command: Command) -> Command:
    """All of them, in the order in which they are listed."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def filters_of(given: Mapping[str, Any]) -> Filters:
    """The `Filters` behind the options.

    Raises:
        UsageError: If a value is out of range, or a threshold is given to nothing.
    """
    from dataselect.selection import Filters

    for option, needs, there in (
        ("dedup_threshold", "--dedup ngram", "ngram" in given["dedup"]),
        ("dedup_cosine", "--dedup semantic", "semantic" in given["dedup"]),
        ("decontaminate_ngram", "--decontaminate FILE", bool(given["decontaminate"])),
    ):
        if given[option] is not None and not there:
            raise UsageError(f"--{option.replace('_', '-')} goes with {needs}", "give both, or neither")
    names = (
        "where", "min_tokens", "max_tokens", "dedup", "dedup_threshold", "dedup_cosine", "decontaminate",
        "decontaminate_ngram", "decontaminate_cosine",
    )  # fmt: skip
    return Filters(**{name: given[name] for name in names if given[name] is not None})
