"""The numbers of a row: the columns of the score tables, aligned to the pool, and their percentiles.

Shown are the columns that people ask about, those that the selection ranked or filtered by first. The ingredients that
these are derived from stay in the table.

The percentile of a value is 100 (b + e / 2) / n, with b of the n known values below it and e equal to it, itself
included (the percentile rank of test scores): 50 for the median, and for a value that all rows share. It says how large
a number is, not how good: which end is wanted is decided by the strategy.
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
from dataselect.selection.join import joined_texts
from dataselect.selection.score_tables import TOTAL_TOKENS, ScoreTable, read_table
from dataselect.selection.vectors import read_embedded
from dataselect.selection.where import Where
from dataselect.strategies.strings import Strings

USUAL = (
    "ppl", "sequence_ppl", "bits_per_byte", "ifd", "ifd_loss", "mink_20", "shifted_fraction", "rsr", "prompt_tokens",
    "response_tokens", "total_tokens", "similarity", "centroid_similarity",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Numbers:
    """Columns aligned to the pool.

    Attributes:
        columns: name -> (n_pool,) float64, NaN where missing; those that the selection used come first.
        digests: Name of each table that was read -> its sha256.
        texts: name -> (n_pool,) objects, None where missing: columns of texts that the selection filtered by.
    """

    columns: Mapping[str, NDArray[np.float64]]
    digests: Mapping[str, str]
    texts: Mapping[str, NDArray[np.object_]]

    def of(self, row: int) -> dict[str, float]:
        """The known numbers of one row."""
        values = {name: float(column[row]) for name, column in self.columns.items()}
        return {name: value for name, value in values.items() if not np.isnan(value)}

    def texts_of(self, row: int) -> dict[str, str]:
        """The known texts of one row."""
        return {name: column[row] for name, column in self.texts.items() if column[row] is not None}


def read_numbers(ids: Strings, scores: Sequence[Path], embeddings: Path | None, manifest: Mapping[str, Any]) -> Numbers:
    """Read the columns of all tables.

    Args:
        ids: (n_pool,) ids of the pool.
        manifest: Of the selection.

    Raises:
        ArtifactError: If a table is missing, unfinished or damaged.
    """
    wanted = tuple(dict.fromkeys((*used_columns(manifest), *USUAL)))
    filtered_by = set(_filtered_by(manifest)) - set(manifest["ranked_by"])
    tables = [read_table(path, wanted, filtered_by) for path in scores]
    if embeddings is not None:
        tables.append(read_embedded(embeddings, wanted, filtered_by))
    columns: dict[str, NDArray[np.float64]] = {}
    for table in tables:
        for name, values in _aligned(ids, table):
            columns.setdefault(name, values)
    digests = {table.name: table.sha256 for table in tables}
    texts = joined_texts(ids, tables, {})
    return Numbers({name: columns[name] for name in wanted if name in columns}, digests, texts)


def used_columns(manifest: Mapping[str, Any]) -> tuple[str, ...]:
    """Columns that the selection ranked or filtered by."""
    return (*manifest["ranked_by"], *_filtered_by(manifest))


def _filtered_by(manifest: Mapping[str, Any]) -> tuple[str, ...]:
    where = manifest["filters"].get("where")
    return tuple(name for name in Where(where).columns if name != SOURCE) if where else ()


def _aligned(ids: Strings, table: ScoreTable) -> Iterator[tuple[str, NDArray[np.float64]]]:
    """The columns of a table; rows without numbers count no tokens, which is no length."""
    rows = ids.rows_of(Strings(table.ids))
    known = rows >= 0
    scored = known if table.status is None else known & np.isin(np.array(table.status, object), SCORABLE)
    for name, values in table.columns.items():
        aligned = np.full(len(ids), np.nan)
        present = known if name == TOTAL_TOKENS else scored
        aligned[rows[present]] = values[present]
        yield name, aligned


@dataclass(frozen=True, slots=True)
class Percentile:
    """One number of a row and its percentiles.

    Attributes:
        name: Of the column; `score` for what the strategy ranked by, `length` for that of the response.
        value: None where the row has none.
        percentile: In the pool, from 0 to 100; None without a value.
        of: Rows of the pool that have a value.
        source_percentile: The same in the file that the row came from.
        source_of: Rows of that file that have a value.
    """

    name: str
    value: float | None
    percentile: float | None
    of: int
    source_percentile: float | None
    source_of: int


def percentile_of(name: str, values: NDArray[np.float64], row: int, same_source: NDArray[np.bool_]) -> Percentile:
    """Compute the percentiles of one row's number.

    Args:
        values: (n_pool,) NaN where unknown.
        same_source: (n_pool,) bool.
    """
    value = float(values[row])
    known, here = values[np.isfinite(values)], values[same_source & np.isfinite(values)]
    if np.isnan(value):
        return Percentile(name, None, None, len(known), None, len(here))
    return Percentile(name, value, _percentile(value, known), len(known), _percentile(value, here), len(here))


def _percentile(value: float, among: NDArray[np.float64]) -> float:
    below, equal = int((among < value).sum()), int((among == value).sum())
    return 100 * (below + equal / 2) / len(among)
