"""Perplexity against similarity to the target: the two rival reasons to choose an example, on one plane.

The correlations are over all rows that have both numbers; the points are at most 2,000 of them, drawn with a fixed seed
so that a report is the same each time. Pearson is of the logarithm of perplexity, the axis of the plot. Intervals:

    z = atanh(r),  interval tanh(z -+ 1.96 * se)
    Pearson   se = 1 / sqrt(n - 3)                     (Fisher 1921)
    Spearman  se = sqrt((1 + r^2 / 2) / (n - 3))       (Bonett and Wright 2000, Psychometrika 65:23)

Both are given because they answer different questions: Pearson how straight the line is, Spearman how alike the
orders are, which is what a ranking uses. The intervals assume independent pairs; near duplicates in a pool make them
too narrow.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dataselect.comparison.excerpts import Excerpt, shortened
from dataselect.comparison.pool_table import PoolTable
from dataselect.comparison.section_inputs import SectionInputs
from dataselect.reports.content import Block, Column, Plot, ReportSection, Section, Table, cell, number, text
from dataselect.reports.numbers import count, span, two_decimals

MOST_POINTS = 2000
_HOVER = 140
_SEED = 0


@dataclass(frozen=True, slots=True)
class Point:
    """One example; `excerpt` is empty where its text was not read."""

    id: str
    similarity: float
    ppl: float
    excerpt: str


@dataclass(frozen=True, slots=True)
class PerplexityBySimilarity:
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


def similarity(inputs: SectionInputs) -> PerplexityBySimilarity | None:
    """The points and the correlations, or None where no row has both numbers."""
    table = inputs.table
    if table is None or table.similarity is None or not (both := _both(table)).any():
        return None
    cosine, ppl = table.similarity, table.numbers["ppl"]
    points = []
    for row in sampled_rows(table):
        text = inputs.texts.excerpts.get(table.ids[row], Excerpt("", ""))
        hover = shortened(" ".join((text.prompt or text.response).split()), _HOVER)
        points.append(Point(table.ids[row], float(cosine[row]), float(ppl[row]), hover))
    x, y = cosine[both], ppl[both]
    found = (
        pearson(x, np.log(y), "similarity and log perplexity"),
        spearman(x, y, "similarity and perplexity"),
    )
    return PerplexityBySimilarity(int(both.sum()), tuple(points), found)


def _both(table: PoolTable) -> NDArray[np.bool_]:
    absent = np.full(len(table.ids), np.nan)
    cosine = absent if table.similarity is None else table.similarity
    both: NDArray[np.bool_] = np.isfinite(cosine) & np.isfinite(table.numbers.get("ppl", absent))
    return both


_Z975 = 1.959963984540054


@dataclass(frozen=True, slots=True)
class Correlation:
    """One coefficient over `n` pairs; None where it is not defined (a constant, or fewer than four pairs)."""

    name: str
    of: str
    n: int
    estimate: float | None
    ci_low: float | None
    ci_high: float | None
    interval: str


def pearson(x: NDArray[np.float64], y: NDArray[np.float64], of: str) -> Correlation:
    """Pearson's r of two (n,) arrays; `of` says of what."""
    return _with_interval("Pearson", of, x, y, spearman_widening=0.0)


def spearman(x: NDArray[np.float64], y: NDArray[np.float64], of: str) -> Correlation:
    """Spearman's rho of two (n,) arrays: Pearson's r of their mean ranks; `of` says of what."""
    from scipy.stats import rankdata

    return _with_interval("Spearman", of, rankdata(x), rankdata(y), spearman_widening=0.5)


def _with_interval(
    name: str, of: str, x: NDArray[np.float64], y: NDArray[np.float64], spearman_widening: float
) -> Correlation:
    n = len(x)
    how = "Fisher z, Bonett-Wright" if spearman_widening else "Fisher z"
    if n < 4 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return Correlation(name, of, n, None, None, None, how)
    r = float(np.clip(np.corrcoef(x, y)[0, 1], -1.0, 1.0))
    if abs(r) == 1.0:
        return Correlation(name, of, n, r, r, r, how)
    half = _Z975 * math.sqrt((1 + spearman_widening * r * r) / (n - 3))
    z = math.atanh(r)
    return Correlation(name, of, n, r, math.tanh(z - half), math.tanh(z + half), how)


def similarity_section(similarity: Mapping[str, Any]) -> Section:
    """Perplexity against similarity to the target, with both correlations."""
    shown = len(similarity["points"])
    sampled = f"{count(shown)} of them, drawn at random, are shown. " if shown < similarity["rows"] else ""
    about = (
        f"{count(similarity['rows'])} rows have both numbers. {sampled}Similarity is the mean cosine to the nearest "
        "examples of the target. Near duplicates in a pool make these intervals too narrow."
    )
    columns: list[Column] = [
        ("Coefficient", lambda one: text(f"{one['name']}, {one['of']}")),
        ("Estimate", lambda one: cell(one["estimate"], two_decimals)),
        ("95 % interval", lambda one: number(span(one["ci_low"], one["ci_high"], two_decimals), one["ci_low"])),
        ("Interval by", lambda one: text(one["interval"])),
        ("Rows", lambda one: cell(one["n"], count)),
    ]
    table = Table.of("correlations", "Correlations", similarity["correlations"], columns)
    plot = Plot(
        "similarity-plot", "scatter", "Perplexity against similarity",
        "One point per example; correlations are in the table below.", {"points": similarity["points"]},
    )  # fmt: skip
    return Section(
        "similarity", "Perplexity against similarity", (Block(paragraphs=(about,), plots=(plot,), tables=(table,)),)
    )


SECTION = ReportSection(
    "similarity",
    data=similarity,
    view=similarity_section,
    shows=lambda inputs: {inputs.table.ids[row] for row in sampled_rows(inputs.table)} if inputs.table else (),
)
