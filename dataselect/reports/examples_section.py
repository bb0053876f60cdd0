"""The section of examples: what each strategy put first, in the middle and last."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dataselect.reports.content import Block, Example, Section
from dataselect.reports.numbers import short
from dataselect.reports.sentences import amount


def examples_section(selections: Sequence[Mapping[str, Any]]) -> Section:
    """One folded block of examples per selection."""
    about = (
        "The first three examples of each selection, first seed, the middle one and the last, cut at 600 characters."
    )
    blocks = (Block(paragraphs=(about,)), *map(_selection, selections))
    return Section("examples", "Examples from each selection", blocks)


def _selection(selection: Mapping[str, Any]) -> Block:
    title = f"{selection['strategy']} at {amount(selection)}, seed {selection['seed']}"
    return Block(title=title, examples=tuple(_example(e, selection["rows"]) for e in selection["examples"]))


def _example(example: Mapping[str, Any], rows: int) -> Example:
    score = f", score {short(example['score'])}" if example["score"] is not None else ""
    title = f"Rank {example['rank']:,} of {rows:,}{score}"
    return Example(title, example["id"], example["prompt"], example["response"])
