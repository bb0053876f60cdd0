"""The section that sets perplexity against similarity to the target."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dataselect.reports.content import Block, Cell, Plot, Section, Table, number, text
from dataselect.reports.numbers import ABSENT, count, fixed


def similarity_section(similarity: Mapping[str, Any]) -> Section:
    """Perplexity against similarity to the target, with both correlations."""
    shown = len(similarity["points"])
    sampled = f"{count(shown)} of them, drawn at random, are shown. " if shown < similarity["rows"] else ""
    about = (
        f"{count(similarity['rows'])} rows have both numbers. {sampled}Similarity is the mean cosine to the nearest "
        "examples of the target. Near duplicates in a pool make these intervals too narrow."
    )
    headers = ("Coefficient", "Estimate", "95 % interval", "Interval by", "Rows")
    table = Table("correlations", "Correlations", headers, tuple(map(_cells, similarity["correlations"])))
    plot = Plot(
        "similarity-plot", "scatter", "Perplexity against similarity",
        "One point per example; correlations are in the table below.", {"points": similarity["points"]},
    )  # fmt: skip
    return Section(
        "similarity", "Perplexity against similarity", (Block(paragraphs=(about,), plots=(plot,), tables=(table,)),)
    )


def _cells(found: Mapping[str, Any]) -> tuple[Cell, ...]:
    low, high = found["ci_low"], found["ci_high"]
    return (
        text(f"{found['name']}, {found['of']}"),
        number(fixed(found["estimate"], 2), found["estimate"]),
        number(ABSENT if low is None else f"{fixed(low, 2)} to {fixed(high, 2)}", low),
        text(found["interval"]),
        number(count(found["n"]), found["n"]),
    )
