"""Histograms of the scores, of the pool and of each selection, over the same bins.

Bins span the pool's middle 99 %; what lies beyond is counted in the outermost bins, so that one extreme row does not
flatten the picture and none disappears. Perplexity is binned on a logarithmic axis, token counts in whole numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dataselect.analysis.pool_table import PoolTable
from dataselect.analysis.selections import Selection

SCORES = ("ppl", "bits_per_byte", "ifd", "response_tokens")
_BINS = 40
_TAIL = 0.005


@dataclass(frozen=True, slots=True)
class Series:
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
class Distribution:
    """One score: (n_bins + 1) edges, and the histogram of the pool followed by those of the selections."""

    score: str
    log_axis: bool
    edges: tuple[float, ...]
    series: tuple[Series, ...]


def distributions(table: PoolTable, selections: Sequence[Selection]) -> tuple[Distribution, ...]:
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
        made.append(Distribution(score, score == "ppl", tuple(edges.tolist()), tuple(series)))
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


def _series(selection: Selection | None, values: NDArray[np.float64], rows: int, edges: NDArray[np.float64]) -> Series:
    present = values[np.isfinite(values)]
    counts, _ = np.histogram(np.clip(present, edges[0], edges[-1]), bins=edges)
    quartiles = np.quantile(present, [0.25, 0.5, 0.75]).tolist() if len(present) else [None] * 3
    return Series(
        selection.strategy if selection else None,
        selection.budget if selection else None,
        selection.unit if selection else None,
        tuple(counts.tolist()),
        rows - len(present),
        *quartiles,
    )
