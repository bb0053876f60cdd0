"""Examples from each selection, for reading: the first three, the middle one and the last.

The first three alone would flatter a strategy; the last is where its budget ends. First seeds only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dataselect.comparison.excerpts import Excerpt
from dataselect.comparison.section_inputs import SectionInputs
from dataselect.reports.content import Block, ExampleCard, ReportSection, Section
from dataselect.reports.numbers import amount, short


@dataclass(frozen=True, slots=True)
class ShownExample:
    """One example: its rank from 1, the strategy's score (None without one), and its texts, at most 600 characters."""

    id: str
    rank: int
    score: float | None
    prompt: str
    response: str


@dataclass(frozen=True, slots=True)
class ShownSelection:
    """The examples shown of one selection of `rows`."""

    strategy: str
    budget: int
    unit: str
    seed: int
    rows: int
    examples: tuple[ShownExample, ...]


def shown_ranks(rows: int) -> list[int]:
    """Ranks from 1 of the examples to show: the first three, the middle one and the last."""
    return sorted({rank for rank in (1, 2, 3, (rows + 1) // 2, rows) if 1 <= rank <= rows})


def shown_ids(inputs: SectionInputs) -> set[str]:
    """Ids of all examples to show."""
    return {s.ids[rank - 1] for s in inputs.first_selections for rank in shown_ranks(len(s.ids))}


def shown_examples(inputs: SectionInputs) -> tuple[ShownSelection, ...]:
    """The examples of each selection that has any."""
    shown = []
    for s in inputs.first_selections:
        examples = []
        for rank in shown_ranks(len(s.ids)):
            name = s.ids[rank - 1]
            text = inputs.texts.excerpts.get(name, Excerpt("", ""))
            examples.append(ShownExample(name, rank, s.scores[rank - 1], text.prompt, text.response))
        if examples:
            shown.append(ShownSelection(s.strategy, s.budget, s.unit, s.seed, len(s.ids), tuple(examples)))
    return tuple(shown)


def examples_section(selections: Sequence[Mapping[str, Any]]) -> Section:
    """One folded block of examples per selection."""
    about = (
        "The first three examples of each selection, first seed, the middle one and the last, cut at 600 characters."
    )
    blocks = [Block(paragraphs=(about,))]
    for one in selections:
        title = f"{one['strategy']} at {amount(one)}, seed {one['seed']}"
        blocks.append(Block(title=title, examples=tuple(_card(example, one["rows"]) for example in one["examples"])))
    return Section("examples", "Examples from each selection", tuple(blocks))


def _card(example: Mapping[str, Any], rows: int) -> ExampleCard:
    score = f", score {short(example['score'])}" if example["score"] is not None else ""
    title = f"Rank {example['rank']:,} of {rows:,}{score}"
    return ExampleCard(title, example["id"], example["prompt"], example["response"])


SECTION = ReportSection("examples", data=shown_examples, view=examples_section, shows=shown_ids)
