"""The score table of a pool as arrays, with the similarities joined by id.

Absent numbers are NaN here and null in files. Left out: statistics, and the texts.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dataselect.artifacts import read_parquet
from dataselect.errors import ArtifactError

NUMBERS = ("response_tokens", "response_nll", "ppl", "bits_per_byte", "ifd")
"""The columns read where the table has them."""


@dataclass(frozen=True, slots=True)
class PoolTable:
    """One row per example of the pool, in the order of the score table.

    Attributes:
        numbers: name -> (n,) float64, NaN where not scored; only columns that the table has.
        similarity: (n,) mean cosine to the nearest targets, NaN where unknown; None without embeddings.
    """

    ids: tuple[str, ...]
    sources: tuple[str, ...]
    statuses: tuple[str, ...]
    numbers: dict[str, NDArray[np.float64]]
    similarity: NDArray[np.float64] | None

    def places(self) -> dict[str, int]:
        """id -> row."""
        return {example: row for row, example in enumerate(self.ids)}


def read_pool_table(scores: Path, similarities: Path) -> PoolTable:
    """Read a score table, and similarities if that file exists.

    Args:
        scores: A Parquet file.
        similarities: `scores.parquet` of an embed folder.

    Raises:
        ArtifactError: If a file cannot be read, or lacks `id`, `source`, `status` (or `id`, `similarity`).
    """
    table = _read(scores, ("id", "source", "status"), NUMBERS)
    ids = tuple(map(str, table["id"]))
    numbers = {name: np.asarray(table[name], dtype=np.float64) for name in NUMBERS if name in table}
    similarity = None
    if similarities.exists():
        nearest = _read(similarities, ("id", "similarity"), ())
        found = dict(zip(map(str, nearest["id"]), nearest["similarity"], strict=True))
        similarity = np.array([found.get(example) for example in ids], dtype=np.float64)
    return PoolTable(ids, tuple(map(str, table["source"])), tuple(map(str, table["status"])), numbers, similarity)


def _read(path: Path, needed: tuple[str, ...], wanted: tuple[str, ...]) -> dict[str, list[object]]:
    table = read_parquet(path)
    missing = [name for name in needed if name not in table.column_names]
    if missing:
        raise ArtifactError(f"{path} lacks the columns {', '.join(missing)}", "make it again with the same command")
    names = [name for name in (*needed, *wanted) if name in table.column_names]
    columns: dict[str, list[object]] = table.select(names).to_pydict()
    return columns
