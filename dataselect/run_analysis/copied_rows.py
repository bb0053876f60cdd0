"""Copied and repeated rows: different runs with the same scores, and several rows for the same run.

Two models that were really trained and evaluated apart agree in a rounded score now and then, never in many of them. In
each column, rows that share a value share evidence of log10((n - 1) / (k - 1)), where k of the n rows have that value:
nothing where all have it, about three digits for one row in a thousand. Evidence is summed over the columns in which
two rows agree, and pairs from `EVIDENCE` on are reported. Columns are correlated and runs of one model resemble each
other, so 16 is no chance of 1 in 10^16: on a published table of 1,027 runs copies had 19.5 and more, and the next pair
13.9. A small table holds little evidence; there only rows that agree in all of their scores are found.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import combinations

import numpy as np

from dataselect.run_analysis.findings import Finding, counted, listed
from dataselect.run_analysis.run_table import RunTable

EVIDENCE = 16.0
_MIN_COLUMNS = 3
_MOST_ALIKE = 30
"""A value that more rows share is too weak evidence to compare all of their pairs."""

RowPair = tuple[int, int]


def repeated_runs(table: RunTable) -> Iterator[Finding]:
    """Report rows that name the same run."""
    rows: dict[tuple[str, ...], list[int]] = {}
    for row, key in enumerate(zip(*table.labels.values(), strict=True)):
        rows.setdefault(key, []).append(row)
    for _, places in filter(lambda item: len(item[1]) > 1, rows.items()):
        lines = table.lines_of(places)
        yield Finding(
            "repeated run", "note",
            f"lines {listed(lines)} are all {table.named(places[0])}: several runs under one name are averaged",
            lines, count=len(places),
        )  # fmt: skip


def identical_rows(table: RunTable) -> Iterator[Finding]:
    """Report different runs with the same scores, all of them or many; pairs that differ alike are one finding."""
    parts: dict[tuple[str, ...], dict[RowPair, list[int]]] = {}
    for (a, b), columns in _alike(table).items():
        if _whole(table, (a, b), columns):
            yield Finding(
                "identical rows", "serious",
                f"line {table.lines[a]} ({table.named(a)}) and line {table.lines[b]} ({table.named(b)}) have all "
                f"{len(columns)} scores in common: one of them is a copy",
                (table.lines[a], table.lines[b]), tuple(table.tasks[c].name for c in columns), len(columns),
            )  # fmt: skip
        else:
            parts.setdefault(_difference(table, a, b), {})[a, b] = columns
    yield from (_partly(table, sides, pairs) for sides, pairs in parts.items())


def copied_cells(table: RunTable) -> set[tuple[int, int]]:
    """Return (task, row) of every score that two rows share beyond accident."""
    return {(column, row) for pair, columns in _alike(table).items() for column in columns for row in pair}


def _difference(table: RunTable, a: int, b: int) -> tuple[str, ...]:
    """Describe both sides of a pair, without the data set where it is the same; smaller side first."""
    names = [name for name, cells in table.labels.items() if name != table.data or cells[a] != cells[b]]
    sides = (", ".join(table.labels[name][row] or "(empty)" for name in names) for row in (a, b))
    return tuple(sorted(sides))


def _partly(table: RunTable, sides: tuple[str, ...], pairs: dict[RowPair, list[int]]) -> Finding:
    shared = set.intersection(*(set(columns) for columns in pairs.values()))
    names = tuple(table.tasks[c].name for c in sorted(shared))
    sets = listed([table.datasets[a] for a, _ in pairs], 20)
    lines = tuple(sorted({table.lines[row] for pair in pairs for row in pair}))
    return Finding(
        "partly identical rows", "serious",
        f"{sides[0]} and {sides[1]}: {counted(len(pairs), 'pair')} of rows ({sets}) with the same {len(names)} scores "
        f"({listed(names, 16)}) while others differ, so one evaluation stands under two names",
        lines, names, len(pairs),
    )  # fmt: skip


def _alike(table: RunTable) -> dict[RowPair, list[int]]:
    """Find pairs of rows that agree beyond accident, with the tasks in which they do; rows of one run are no pair."""
    evidence: dict[RowPair, float] = {}
    keys = list(zip(*table.labels.values(), strict=True))
    for values in table.scores:
        for rows, digits in _groups(values):
            for pair in combinations(rows, 2):
                if keys[pair[0]] != keys[pair[1]]:
                    evidence[pair] = evidence.get(pair, 0.0) + digits
    found = {}
    for pair in sorted(evidence):
        a, b = table.scores[:, list(pair)].T
        every = [int(column) for column in np.flatnonzero(a == b)]  # common values too
        whole = _whole(table, pair, every) and evidence[pair] > 0
        if len(every) >= _MIN_COLUMNS and (whole or evidence[pair] >= EVIDENCE):
            found[pair] = every
    return found


def _groups(values: np.ndarray) -> Iterator[tuple[list[int], float]]:
    """Yield the rows that share a value, with the evidence in it."""
    known = np.flatnonzero(np.isfinite(values))
    rows: dict[float, list[int]] = {}
    for row in known:
        rows.setdefault(float(values[row]), []).append(int(row))
    for alike in rows.values():
        if 2 <= len(alike) <= _MOST_ALIKE:
            yield alike, math.log10((len(known) - 1) / (len(alike) - 1))


def _whole(table: RunTable, pair: RowPair, columns: list[int]) -> bool:
    known = np.isfinite(table.scores[:, list(pair)]).all(axis=1)
    return len(columns) == int(known.sum())
