"""What the selections are made of: rows by source and by the records' own kind, beside the pool's.

First seeds only. Kinds of the pool are given only where every row's kind is known: shares of a part of a pool would
look like shares of the pool.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dataselect.analysis.pool_summary import NO_KIND
from dataselect.analysis.selections import Selection


@dataclass(frozen=True, slots=True)
class SelectionParts:
    """Rows of one selection by part, aligned with `Composition.names`."""

    strategy: str
    budget: int
    unit: str
    counts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Composition:
    """Rows by `by` ("source" or "kind"): of the pool (None where not known for all of it) and of each selection."""

    by: str
    names: tuple[str, ...]
    pool: tuple[int, ...] | None
    selections: tuple[SelectionParts, ...]


def by_source(selections: Sequence[Selection], sources: Mapping[str, str]) -> Composition | None:
    """Composition by source.

    Args:
        selections: One per strategy and budget.
        sources: id -> source, for the whole pool; ids that it does not know count as "(none)".
    """
    if not sources or not selections:
        return None
    labels = [[sources.get(i, NO_KIND) for i in s.ids] for s in selections]
    return _composition("source", selections, labels, list(sources.values()))


def by_kind(selections: Sequence[Selection], pool_kinds: Sequence[str] | None) -> Composition | None:
    """Composition by kind; None where no record has one.

    Args:
        pool_kinds: One kind per row of the pool; None where they are not all known.
    """
    if not any(kind for s in selections for kind in s.kinds):
        return None
    labels = [[kind or NO_KIND for kind in s.kinds] for s in selections]
    return _composition("kind", selections, labels, pool_kinds)


def _composition(
    by: str, selections: Sequence[Selection], labels: Sequence[Sequence[str]], pool: Sequence[str] | None
) -> Composition:
    names = sorted({label for part in (*labels, pool or ()) for label in part})
    made = [
        SelectionParts(s.strategy, s.budget, s.unit, _counts(part, names))
        for s, part in zip(selections, labels, strict=True)
    ]
    return Composition(by, tuple(names), None if pool is None else _counts(pool, names), tuple(made))


def _counts(labels: Sequence[str], names: Sequence[str]) -> tuple[int, ...]:
    counter = Counter(labels)
    return tuple(counter[name] for name in names)
