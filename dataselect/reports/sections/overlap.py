"""Overlap of the selections of different strategies: Jaccard indices per budget.

    Jaccard = examples in both / examples in either

With the matrix comes what two random selections of the mean size k would have in a pool of N: k^2 / N in common, and
so k / (2 N - k), because a large budget makes everything overlap. First seeds only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dataselect.comparison.section_inputs import SectionInputs
from dataselect.comparison.selections import SelectionRecord
from dataselect.records import SCORABLE
from dataselect.reports.content import Block, Plot, ReportSection, Section, Table, number, text
from dataselect.reports.numbers import amount, fixed


@dataclass(frozen=True, slots=True)
class OverlapMatrix:
    """The selections at one budget.

    Attributes:
        jaccard: (n_strategies, n_strategies), in the order of `strategies`; None for two empty selections.
        at_random: Jaccard expected of two random selections of the mean size; None where the pool's size is unknown.
    """

    budget: int
    unit: str
    strategies: tuple[str, ...]
    seeds: tuple[int, ...]
    jaccard: tuple[tuple[float | None, ...], ...]
    at_random: float | None


def overlaps(inputs: SectionInputs) -> tuple[OverlapMatrix, ...]:
    """Compute one matrix for each budget with two strategies at least."""
    selections, table = inputs.first_selections, inputs.table
    scorable = None if table is None else sum(status in SCORABLE for status in table.statuses)
    budgets = sorted({(s.unit, s.budget) for s in selections})
    groups = [[s for s in selections if (s.unit, s.budget) == budget] for budget in budgets]
    return tuple(_overlap(group, scorable) for group in groups if len(group) > 1)


def _overlap(group: Sequence[SelectionRecord], scorable: int | None) -> OverlapMatrix:
    sets = [frozenset(s.ids) for s in group]
    size = sum(map(len, sets)) / len(sets)
    return OverlapMatrix(
        budget=group[0].budget,
        unit=group[0].unit,
        strategies=tuple(s.strategy for s in group),
        seeds=tuple(s.seed for s in group),
        jaccard=tuple(tuple(len(a & b) / len(a | b) if a | b else None for b in sets) for a in sets),
        at_random=size / (2 * scorable - size) if scorable else None,
    )


def overlap_section(overlaps: Sequence[Mapping[str, Any]]) -> Section:
    """A matrix of Jaccard indices for every budget."""
    about = "Jaccard index: examples in both selections over examples in either; first seeds."
    return Section("overlap", "Overlap of selections", (Block(paragraphs=(about,)), *map(_block, overlaps)))


def _block(overlap: Mapping[str, Any]) -> Block:
    names, at = overlap["strategies"], amount(overlap)
    key = f"overlap-{overlap['budget']}-{overlap['unit']}"
    expected = overlap["at_random"]
    about = () if expected is None else (f"Two random selections of this size would have {fixed(expected, 2)}.",)
    rows = tuple(
        (text(name), *(number(fixed(v, 2), v) for v in row))
        for name, row in zip(names, overlap["jaccard"], strict=True)
    )
    plot = Plot(
        f"{key}-plot", "overlap", "", f"Overlap at {at}: Jaccard indices; the numbers are in the table below.",
        {"names": names, "values": overlap["jaccard"]},
    )  # fmt: skip
    table = Table(key, f"Jaccard indices at {at}", ("Strategy", *names), rows, folded=True)
    return Block(title=f"At {at}", paragraphs=about, plots=(plot,), tables=(table,))


SECTION = ReportSection("overlaps", data=overlaps, view=overlap_section)
