"""The pool: rows, statuses, and the perplexity of the whole and of its parts.

The perplexity of a pool is exp of the mean over examples of the per-example mean NLL (macro); the token-weighted value
(micro) is given too, because a few long examples can dominate it. Definitions: `dataselect.likelihood`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dataselect.comparison.pool_table import PoolTable
from dataselect.likelihood import macro_perplexity, micro_perplexity
from dataselect.reports.content import Block, Column, ReportSection, Section, Table, cell, text
from dataselect.reports.numbers import count, short


@dataclass(frozen=True, slots=True)
class PartSummary:
    """A pool or one part of it. Perplexities are None where nothing was scored."""

    name: str
    rows: int
    scored: int
    macro_ppl: float | None
    micro_ppl: float | None


@dataclass(frozen=True, slots=True)
class PoolSummary:
    """The whole pool, its statuses and its parts; `by_kind` is empty where not every row's kind is known."""

    whole: PartSummary
    statuses: dict[str, int]
    by_source: tuple[PartSummary, ...]
    by_kind: tuple[PartSummary, ...]


def summarise_pool(table: PoolTable, kinds: Sequence[str] | None) -> PoolSummary:
    """Summarise a pool.

    Args:
        kinds: One kind per row of the table; None where they are not all known.
    """
    return PoolSummary(
        whole=_part("whole pool", table, np.ones(len(table.ids), dtype=bool)),
        statuses=dict(sorted(Counter(table.statuses).items())),
        by_source=_parts(table, table.sources),
        by_kind=() if kinds is None else _parts(table, kinds),
    )


def _parts(table: PoolTable, labels: Sequence[str]) -> tuple[PartSummary, ...]:
    array = np.array(labels, dtype=object)
    return tuple(_part(name, table, array == name) for name in sorted(set(labels)))


def _part(name: str, table: PoolTable, rows: NDArray[np.bool_]) -> PartSummary:
    absent = np.full(len(table.ids), np.nan)
    nlls = table.numbers.get("response_nll", absent)[rows]
    tokens = np.nan_to_num(table.numbers.get("response_tokens", absent)[rows]).astype(np.int64)
    scored = int((np.isfinite(nlls) & (tokens > 0)).sum())
    return PartSummary(name, int(rows.sum()), scored, macro_perplexity(nlls, tokens), micro_perplexity(nlls, tokens))


def pool_section(pool: Mapping[str, Any]) -> Section:
    """Rows, statuses and perplexities of the pool and its parts."""
    whole, statuses = pool["whole"], ", ".join(f"{count(n)} {status}" for status, n in pool["statuses"].items())
    about = (
        f"{count(whole['rows'])} rows ({statuses}). The perplexity of the pool is {short(whole['macro_ppl'])} as the "
        f"mean over examples and {short(whole['micro_ppl'])} weighted by tokens."
    )
    tables = []
    for by in ("source", "kind"):
        columns: list[Column] = [
            (by.capitalize(), lambda part: text(part["name"])),
            ("Rows", lambda part: cell(part["rows"], count)),
            ("Scored", lambda part: cell(part["scored"], count)),
            ("Perplexity, mean over examples", lambda part: cell(part["macro_ppl"], short)),
            ("Perplexity, by tokens", lambda part: cell(part["micro_ppl"], short)),
        ]
        if len(parts := pool[f"by_{by}"]) > 1:
            tables.append(Table.of(f"pool-{by}", f"The pool by {by}", parts, columns))
    return Section("pool", "The pool", (Block(paragraphs=(about,), tables=tuple(tables)),))


SECTION = ReportSection(
    "pool",
    data=lambda inputs: summarise_pool(inputs.table, inputs.kinds) if inputs.table else None,
    view=pool_section,
)
