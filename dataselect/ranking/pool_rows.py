"""Read one pool: what its rows say, without those that share text with the target.

A pool that holds the target's own examples would look similar to it, and be likely under a model that has seen them,
for a reason that helps nobody. So such rows leave before anything is measured: those that share 13 words in a row with
a target example, or the whole of a shorter prompt (`dataselect.selection.contamination`).
"""

from __future__ import annotations

from dataclasses import dataclass

from dataselect.errors import PoolError
from dataselect.pool import PoolReader
from dataselect.records import Reject
from dataselect.selection.contamination import EvaluationWords
from dataselect.selection.survey import said
from dataselect.strategies import Text

NGRAM = 13


@dataclass(frozen=True, slots=True)
class RemovedRow:
    """One row that shares text with the target: which example of it, and the words."""

    pool: str
    id: str
    target: str
    words: str


@dataclass(frozen=True, slots=True)
class PoolRows:
    """The rows of one pool that every number is over.

    Attributes:
        ids: (n,) ids, in order; at least one.
        texts: (n,) what each says.
        rejects: Records that could not be read.
        removed: Rows that were taken out.
    """

    ids: tuple[str, ...]
    texts: tuple[Text, ...]
    rejects: int
    removed: tuple[RemovedRow, ...]


def read_rows(name: str, reader: PoolReader, target: EvaluationWords | None) -> PoolRows:
    """Read a pool and take out what overlaps with the target.

    Args:
        name: What the pool is called.
        target: The words of the target set; None without one.

    Raises:
        PoolError: If the pool cannot be read, or no row is left.
    """
    ids, texts, removed, rejects = [], [], [], 0
    for item in reader:
        if isinstance(item, Reject):
            rejects += 1
            continue
        text = said(item)
        shared = None if target is None else target.overlap(text)
        if shared is not None:
            removed.append(RemovedRow(name, item.id, shared.where, shared.words))
            continue
        ids.append(item.id)
        texts.append(text)
    if not ids:
        raise PoolError(
            f"{name} has no row to rank: {len(removed):,} overlap with the target, {rejects:,} cannot be read",
            "leave this pool out, or check the file",
        )
    return PoolRows(tuple(ids), tuple(texts), rejects, tuple(removed))
