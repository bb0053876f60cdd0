"""Histograms of the scores, of the pool and of each selection, over the same bins.

Bins span the pool's middle 99 %; what lies beyond is counted in the outermost bins, so that one extreme row does not
flatten the picture and none disappears. Perplexity is binned on a logarithmic axis, token counts in whole numbers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dataselect.comparison.pool_table import PoolTable
from dataselect.comparison.selections import SelectionRecord
from dataselect.reports.content import Block, Column, Plot, ReportSection, Section, Table, cell, number, text
from dataselect.reports.numbers import ABSENT, amount, count, short

SCORES = ("ppl", "bits_per_byte", "ifd", "response_tokens")
_BINS = 40
_TAIL = 0.005


@dataclass(frozen=True, slots=True)
class Histogram:
    """One histogram. `strategy` is None for the pool; `missing` rows have no value."""

    strategy: str | None
    budget: int | None
    unit: str | None
    counts: tuple[int, ...]
    missing: int
    lower_quartile: float | None
    median: float | None
    upper_quartile: float | None


@dataclass(frozen=True, slots=True)
class ScoreDistribution:
    """One score: (n_bins + 1) edges, and the histogram of the pool followed by those of the selections."""

    score: str
    log_axis: bool
    edges: tuple[float, ...]
    series: tuple[Histogram, ...]


def distributions(table: PoolTable, selections: Sequence[SelectionRecord]) -> tuple[ScoreDistribution, ...]:
    """One distribution for each score that the table has any value of.

    Args:
        selections: One per strategy and budget; ids that the table does not know count as missing.
    """
    places = table.places()
    rows = [np.array([places[i] for i in s.ids if i in places], dtype=np.int64) for s in selections]
    made = []
    for score in SCORES:
        values = table.numbers.get(score, np.zeros(0))
        present = values[np.isfinite(values)]
        if len(present) == 0:
            continue
        edges = _edges(score, present)
        series = [_series(None, values, len(table.ids), edges)]
        series += [_series(s, values[r], len(s.ids), edges) for s, r in zip(selections, rows, strict=True)]
        made.append(ScoreDistribution(score, score == "ppl", tuple(edges.tolist()), tuple(series)))
    return tuple(made)


def _edges(score: str, values: NDArray[np.float64]) -> NDArray[np.float64]:
    low, high = np.quantile(values, [_TAIL, 1 - _TAIL])
    if score == "response_tokens":
        width = max(1, int(np.ceil((high - low + 1) / _BINS)))
        return np.arange(np.floor(low), np.ceil(high) + width + 1, width) - 0.5
    if high <= low:
        low, high = low * 0.95 - 1e-9, high * 1.05 + 1e-9
    if score == "ppl":
        return np.geomspace(max(low, 1e-9), high, _BINS + 1)
    return np.linspace(low, high, _BINS + 1)


def _series(
    selection: SelectionRecord | None, values: NDArray[np.float64], rows: int, edges: NDArray[np.float64]
) -> Histogram:
    present = values[np.isfinite(values)]
    counts, _ = np.histogram(np.clip(present, edges[0], edges[-1]), bins=edges)
    lower, median, upper = np.quantile(present, [0.25, 0.5, 0.75]).tolist() if len(present) else [None] * 3
    return Histogram(
        strategy=selection.strategy if selection else None,
        budget=selection.budget if selection else None,
        unit=selection.unit if selection else None,
        counts=tuple(counts.tolist()),
        missing=rows - len(present),
        lower_quartile=lower,
        median=median,
        upper_quartile=upper,
    )


_SCORE_NAMES = {
    "ppl": "Perplexity of the response",
    "bits_per_byte": "Bits per byte of the response",
    "ifd": "Instruction-following difficulty (IFD)",
    "response_tokens": "Response tokens",
}


def distributions_section(distributions: Sequence[Mapping[str, Any]]) -> Section:
    """A plot of every score, with its quartiles in a table."""
    about = (
        "Each row shows what one strategy selected, first seed, at a height of its own; the dotted outline is the "
        "whole pool. Bins span the middle 99 % of the pool, and the outermost hold what lies beyond."
    )
    blocks = (Block(paragraphs=(about,)), *map(_distribution, distributions))
    return Section("distributions", "Score distributions", blocks)


def _distribution(distribution: Mapping[str, Any]) -> Block:
    score = distribution["score"]
    name = _SCORE_NAMES[score]
    series = [s | {"amount": amount(s) if s["strategy"] else ""} for s in distribution["series"]]
    data = {"edges": distribution["edges"], "log": distribution["log_axis"], "name": name, "series": series}
    columns: list[Column] = [
        ("Strategy", lambda s: text(s["strategy"] or "whole pool")),
        ("Budget", lambda s: number(s["amount"] or ABSENT, s["budget"])),
        ("Rows", lambda s: cell(sum(s["counts"]), count)),
        ("Without a value", lambda s: cell(s["missing"], count)),
        ("Lower quartile", lambda s: cell(s["lower_quartile"], short)),
        ("Median", lambda s: cell(s["median"], short)),
        ("Upper quartile", lambda s: cell(s["upper_quartile"], short)),
    ]
    about = f"Histograms of {name}; quartiles are in the table below."
    plot = Plot(f"distribution-{score}-plot", "distribution", "", about, data)
    table = Table.of(f"distribution-{score}", f"Quartiles: {name}", series, columns, folded=True)
    return Block(title=name, plots=(plot,), tables=(table,))


SECTION = ReportSection(
    "distributions",
    data=lambda inputs: distributions(inputs.table, inputs.first_selections) if inputs.table else (),
    view=distributions_section,
)
