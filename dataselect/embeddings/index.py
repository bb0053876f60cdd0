"""The exact inner-product index: the only file that knows FAISS.

`IndexFlatIP` compares a query with every vector, so the neighbours are the true ones; for unit vectors the inner
product is the cosine. It holds all vectors in memory (n * dim * 4 bytes). Rows are numbers from 0; which id a row has
is the caller's to keep. Approximate indexes are left out: they pay from millions of vectors on and lose neighbours.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dataselect.artifacts import atomic
from dataselect.errors import ArtifactError
from dataselect.registry import require

QUERY_ROWS = 4096
"""Queries per call of FAISS, which bounds its working memory."""


def _faiss() -> Any:  # noqa: ANN401 - a module without types
    return require("faiss", extra="embed")


@dataclass(frozen=True, slots=True)
class Neighbours:
    """The k nearest vectors of each query, nearest first.

    Attributes:
        similarities: (n_queries, k) float32 inner products.
        rows: (n_queries, k) int64 rows of the index.
    """

    similarities: NDArray[np.float32]
    rows: NDArray[np.int64]


class VectorIndex:
    """An exact index over unit vectors.

    Args:
        dim: Length of a vector.

    Raises:
        MissingExtraError: If FAISS is not installed.
    """

    def __init__(self, dim: int) -> None:
        self._index = _faiss().IndexFlatIP(dim)

    def __len__(self) -> int:
        return int(self._index.ntotal)

    @property
    def dim(self) -> int:
        """Length of a vector."""
        return int(self._index.d)

    def add(self, vectors: NDArray[np.float32]) -> None:
        """Append (n, dim) unit vectors as the next n rows."""
        self._index.add(np.ascontiguousarray(vectors, np.float32))

    def search(self, queries: NDArray[np.float32], k: int) -> Neighbours:
        """The k nearest rows of each query.

        Args:
            queries: (n_queries, dim) unit vectors.
            k: Number of neighbours, 1 <= k <= len(self): FAISS would fill up with rows of -1.
        """
        assert 1 <= k <= len(self), f"k = {k}, rows = {len(self)}"
        similarities, rows = np.empty((len(queries), k), np.float32), np.empty((len(queries), k), np.int64)
        for start in range(0, len(queries), QUERY_ROWS):
            part = slice(start, start + QUERY_ROWS)
            similarities[part], rows[part] = self._index.search(np.ascontiguousarray(queries[part], np.float32), k)
        return Neighbours(similarities, rows)

    def save(self, path: Path) -> None:
        """Write the index atomically.

        Raises:
            ArtifactError: If it cannot be written.
        """
        with atomic(path) as temporary:
            _faiss().write_index(self._index, str(temporary))

    @classmethod
    def load(cls, path: Path) -> VectorIndex:
        """Read an index that `save` wrote.

        Raises:
            ArtifactError: If it is missing or not an inner-product index of FAISS.
            MissingExtraError: If FAISS is not installed.
        """
        faiss = _faiss()
        try:
            loaded = faiss.read_index(str(path))
        except RuntimeError:
            loaded = None
        if not isinstance(loaded, faiss.IndexFlatIP):
            raise ArtifactError(f"{path} is not an exact FAISS index", "make it with dataselect embed")
        index = cls(loaded.d)
        index._index = loaded
        return index
