"""The columns of the score tables, aligned to the pool: what is known of each row in numbers.

Shown are the columns that people ask about, those that the selection ranked or filtered by first. The ingredients that
these come from stay in the table.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dataselect.records import SCORABLE
from dataselect.selection.filters import SOURCE
from dataselect.selection.requirements import TOTAL_TOKENS
from dataselect.selection.tables import ScoreTable, read_table
from dataselect.selection.vectors import read_embedded
from dataselect.selection.where import Where
from dataselect.strategies.strings import Strings

USUAL = (
    "ppl", "sequence_ppl", "bits_per_byte", "ifd", "ifd_loss", "mink_20", "shifted_fraction", "prompt_tokens",
    "response_tokens", "total_tokens", "similarity", "centroid_similarity",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Numbers:
    """Columns aligned to the pool.

    Attributes:
        columns: name -> (n_pool,) float64, NaN where missing; those that the selection used come first.
        digests: sha256 of each table that was read, by its name.
    """

    columns: Mapping[str, NDArray[np.float64]]
    digests: Mapping[str, str]

    def of(self, row: int) -> dict[str, float]:
        """The known numbers of one row."""
        values = {name: float(column[row]) for name, column in self.columns.items()}
        return {name: value for name, value in values.items() if not np.isnan(value)}


def read_numbers(ids: Strings, scores: Sequence[Path], embeddings: Path | None, manifest: Mapping[str, Any]) -> Numbers:
    """Read the columns of all tables.

    Args:
        ids: (n_pool,) ids of the pool.
        manifest: Of the selection.

    Raises:
        ArtifactError: If a table is missing, unfinished or damaged.
    """
    wanted = tuple(dict.fromkeys((*used_columns(manifest), *USUAL)))
    tables = [read_table(path, wanted) for path in scores]
    if embeddings is not None:
        tables.append(read_embedded(embeddings, wanted))
    columns: dict[str, NDArray[np.float64]] = {}
    for table in tables:
        for name, values in _aligned(ids, table):
            columns.setdefault(name, values)
    digests = {table.name: table.sha256 for table in tables}
    return Numbers({name: columns[name] for name in wanted if name in columns}, digests)


def used_columns(manifest: Mapping[str, Any]) -> tuple[str, ...]:
    """Columns that the selection ranked or filtered by."""
    where = manifest["filters"].get("where")
    filtered_by = Where(where).columns if where else ()
    return (*manifest["ranked_by"], *(name for name in filtered_by if name != SOURCE))


def _aligned(ids: Strings, table: ScoreTable) -> Iterator[tuple[str, NDArray[np.float64]]]:
    """The columns of a table; rows without numbers count no tokens, which is no length."""
    rows = ids.rows_of(Strings(table.ids))
    known = rows >= 0
    scored = known if table.status is None else known & np.isin(np.array(table.status, object), SCORABLE)
    for name, values in table.columns.items():
        aligned = np.full(len(ids), np.nan)
        there = known if name == TOTAL_TOKENS else scored
        aligned[rows[there]] = values[there]
        yield name, aligned
