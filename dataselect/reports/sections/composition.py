"""The composition of the selections: rows by source and by the records' own kind, beside the pool's.

First seeds only. Kinds of the pool are given only where every row's kind is known: shares of a part of a pool would
look like shares of the pool.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dataselect.comparison.section_inputs import NO_KIND, SectionInputs
from dataselect.comparison.selections import SelectionRecord
from dataselect.reports.content import Block, Plot, ReportSection, Section, Table, number, text
from dataselect.reports.numbers import ABSENT, amount, count, percent


@dataclass(frozen=True, slots=True)
class SelectionParts:
    """Rows of one selection by part, aligned with `Breakdown.names`."""

    strategy: str
    budget: int
    unit: str
    counts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Breakdown:
    """Rows by `by` ("source" or "kind"): of the pool (None where not known for all of it) and of each selection."""

    by: str
    names: tuple[str, ...]
    pool: tuple[int, ...] | None
    selections: tuple[SelectionParts, ...]


def compositions(inputs: SectionInputs) -> tuple[Breakdown, ...]:
    """Break the selections down by kind and by source, where there are two of them at least."""
    table, selections = inputs.table, inputs.first_selections
    found = []
    if any(kind for s in selections for kind in s.kinds):
        labels = [[kind or NO_KIND for kind in s.kinds] for s in selections]
        found.append(_breakdown("kind", selections, labels, inputs.kinds))
    if table is not None and selections:
        sources = dict(zip(table.ids, table.sources, strict=True))
        labels = [[sources.get(i, NO_KIND) for i in s.ids] for s in selections]
        found.append(_breakdown("source", selections, labels, table.sources))
    return tuple(one for one in found if len(one.names) > 1)


def _breakdown(
    by: str, selections: Sequence[SelectionRecord], labels: Sequence[Sequence[str]], pool: Sequence[str] | None
) -> Breakdown:
    names = sorted({label for part in (*labels, pool or ()) for label in part})
    parts = [
        SelectionParts(s.strategy, s.budget, s.unit, _counts(part, names))
        for s, part in zip(selections, labels, strict=True)
    ]
    return Breakdown(by, tuple(names), None if pool is None else _counts(pool, names), tuple(parts))


def _counts(labels: Sequence[str], names: Sequence[str]) -> tuple[int, ...]:
    counter = Counter(labels)
    return tuple(counter[name] for name in names)


_MOST_PARTS = 8
"""Parts with a colour of their own in the plot; the rarer ones are drawn together. The table has them all."""


def composition_section(compositions: Sequence[Mapping[str, Any]]) -> Section:
    """A plot and a table for each breakdown."""
    return Section("composition", "Composition", tuple(map(_block, compositions)))


def _block(composition: Mapping[str, Any]) -> Block:
    by, names, pool = composition["by"], composition["names"], composition["pool"]
    bars = [{"label": "whole pool", "amount": "", "counts": pool}] if pool else []
    bars += [{"label": s["strategy"], "amount": amount(s), "counts": s["counts"]} for s in composition["selections"]]
    rows = []
    for bar in bars:
        size = sum(bar["counts"]) or 1
        cells = [number(f"{count(n)} ({percent(n / size)})", n) for n in bar["counts"]]
        rows.append((text(bar["label"]), number(bar["amount"] or ABSENT, sum(bar["counts"])), *cells))
    plot = Plot(
        f"composition-{by}-plot", "composition", "",
        f"Share of each {by} in the pool and in every selection, first seeds; counts are in the table below.",
        {"names": names, "bars": bars, "most": _MOST_PARTS},
    )  # fmt: skip
    headers = ("Strategy", "Budget", *names)
    table = Table(f"composition-{by}", f"Rows by {by}", headers, tuple(rows), folded=True)
    return Block(title=f"By {by}", plots=(plot,), tables=(table,))


SECTION = ReportSection("compositions", data=compositions, view=composition_section)
