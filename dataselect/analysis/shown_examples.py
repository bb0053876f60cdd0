"""Examples from each selection, for reading: the first three, the middle one and the last.

The first three alone would flatter a strategy; the last is where its budget ends. First seeds only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dataselect.analysis.excerpts import Excerpt
from dataselect.analysis.selections import Selection


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


def shown_ids(selections: Sequence[Selection]) -> set[str]:
    """Ids of all examples to show."""
    return {s.ids[rank - 1] for s in selections for rank in shown_ranks(len(s.ids))}


def shown_examples(selections: Sequence[Selection], excerpts: Mapping[str, Excerpt]) -> tuple[ShownSelection, ...]:
    """The section: one entry per selection that has any example.

    Args:
        selections: One per strategy and budget.
        excerpts: Texts by id.
    """
    return tuple(
        ShownSelection(s.strategy, s.budget, s.unit, s.seed, len(s.ids), _examples(s, excerpts))
        for s in selections
        if s.ids
    )


def _examples(selection: Selection, excerpts: Mapping[str, Excerpt]) -> tuple[ShownExample, ...]:
    shown = []
    for rank in shown_ranks(len(selection.ids)):
        name = selection.ids[rank - 1]
        text = excerpts.get(name, Excerpt("", ""))
        shown.append(ShownExample(name, rank, selection.scores[rank - 1], text.prompt, text.response))
    return tuple(shown)
