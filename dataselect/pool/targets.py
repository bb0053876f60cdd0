"""The files of a target set: examples of what the model should become good at, read like pools.

Each file is a task of its own and has a reader of its own, so that ids may clash between files. The column map is that
of the pools; a target without a response is read where its schema leaves room for that (a dialogue that ends with the
user's turn, plain text).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dataselect.pool.columns import ColumnMap
from dataselect.pool.reader import PoolReader
from dataselect.pool.sources import find_sources


@dataclass(frozen=True, slots=True)
class TargetFile:
    """One file of the target set, under the name that tells it from the others."""

    name: str
    reader: PoolReader


def target_files(targets: Sequence[str], columns: ColumnMap) -> list[TargetFile]:
    """The files of the target set; none where none is given.

    Raises:
        PoolError: If one is missing, empty, of no known format or given twice.
    """
    sources = find_sources(targets) if targets else ()
    return [
        TargetFile(source.name, PoolReader([target], columns)) for source, target in zip(sources, targets, strict=True)
    ]
