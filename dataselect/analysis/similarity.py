"""Perplexity against similarity to the target: the two rival reasons to choose an example, on one plane.

The correlations are over all rows that have both numbers; the points are at most 2,000 of them, drawn with a fixed seed
so that a report is the same each time. Pearson is of the logarithm of perplexity, the axis of the plot.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dataselect.analysis.correlation import Correlation, pearson, spearman
from dataselect.analysis.excerpts import Excerpt, shortened
from dataselect.analysis.pool_table import PoolTable

MOST_POINTS = 2000
_HOVER = 140
_SEED = 0


@dataclass(frozen=True, slots=True)
class Point:
    """One example; `excerpt` is empty where its text is not at hand."""

    id: str
    similarity: float
    ppl: float
    excerpt: str


@dataclass(frozen=True, slots=True)
class Similarity:
    """The points shown, out of `rows` with both numbers, and the correlations over all of those rows."""

    rows: int
    points: tuple[Point, ...]
    correlations: tuple[Correlation, ...]


def sampled_rows(table: PoolTable) -> list[int]:
    """Rows with both numbers: all of them, or a fixed random 2,000, in the order of the table."""
    rows = np.flatnonzero(_both(table))
    if len(rows) > MOST_POINTS:
        rows = np.sort(np.random.default_rng(_SEED).choice(rows, MOST_POINTS, replace=False))
    return [int(row) for row in rows]


def similarity(table: PoolTable, excerpts: Mapping[str, Excerpt]) -> Similarity | None:
    """The section, or None where no row has both numbers.

    Args:
        excerpts: Texts by id, of the sampled rows at least where they are at hand.
    """
    both = _both(table)
    if not both.any() or table.similarity is None:
        return None
    cosine, ppl = table.similarity, table.numbers["ppl"]
    points = [
        Point(table.ids[r], float(cosine[r]), float(ppl[r]), _hover(excerpts.get(table.ids[r])))
        for r in sampled_rows(table)
    ]
    x, y = cosine[both], ppl[both]
    found = (
        pearson(x, np.log(y), "similarity and log perplexity"),
        spearman(x, y, "similarity and perplexity"),
    )
    return Similarity(int(both.sum()), tuple(points), found)


def _both(table: PoolTable) -> NDArray[np.bool_]:
    absent = np.full(len(table.ids), np.nan)
    cosine = absent if table.similarity is None else table.similarity
    both: NDArray[np.bool_] = np.isfinite(cosine) & np.isfinite(table.numbers.get("ppl", absent))
    return both


def _hover(excerpt: Excerpt | None) -> str:
    if excerpt is None:
        return ""
    return shortened(" ".join((excerpt.prompt or excerpt.response).split()), _HOVER)
