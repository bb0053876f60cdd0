"""Inner products over unit vectors by FAISS, which are their cosines: exact, or by an approximate index.

`VectorIndex(dim)` compares a query with every vector (`IndexFlatIP`), so that its neighbours are the true ones: what
strategies and similarities to targets are built on, whatever the size. Approximate indexes come from `index_file`
alone, and only the file `index.faiss` may hold one. Rows are numbers from 0; the caller keeps their ids. FAISS fills up
with rows of -1 where it finds fewer neighbours than were asked for; their similarity is not a number here. An index
holds all vectors in memory (n * dim * 4 bytes). Indexes that compress vectors are left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from dataselect.artifacts import ordinary_file
from dataselect.errors import ArtifactError
from dataselect.library_errors import refused
from dataselect.registry import require

IndexKind = Literal["exact", "ivf", "hnsw"]

QUERY_ROWS = 4096
"""Queries per call of FAISS, which bounds its working memory."""


def require_faiss() -> Any:  # noqa: ANN401 - a module without types
    """FAISS.

    Raises:
        MissingExtraError: If it is not installed.
    """
    return require("faiss", extra="embed")


@dataclass(frozen=True, slots=True)
class Neighbours:
    """The k nearest vectors of each query, nearest first; where there are fewer, the last places are empty.

    Attributes:
        similarities: (n_queries, k) float32 inner products; NaN at empty places.
        rows: (n_queries, k) int64 rows of the index; -1 at empty places.
    """

    similarities: NDArray[np.float32]
    rows: NDArray[np.int64]


class VectorIndex:
    """An index over unit vectors: exact and empty when constructed.

    Args:
        dim: Length of a vector.

    Raises:
        MissingExtraError: If FAISS is not installed.
    """

    def __init__(self, dim: int) -> None:
        self._index = require_faiss().IndexFlatIP(dim)

    @classmethod
    def around(cls, index: Any) -> VectorIndex:  # noqa: ANN401 - a FAISS index
        """Wrap an index of FAISS by inner product."""
        made = cls.__new__(cls)
        made._index = index
        return made

    def __len__(self) -> int:
        return int(self._index.ntotal)

    @property
    def dim(self) -> int:
        """Length of a vector."""
        return int(self._index.d)

    @property
    def kind(self) -> IndexKind | None:
        """The kind of index; None if `dataselect` makes no such index."""
        faiss = require_faiss()
        if self._index.metric_type != faiss.METRIC_INNER_PRODUCT:
            return None
        kinds: dict[type, IndexKind] = {
            faiss.IndexFlatIP: "exact", faiss.IndexIVFFlat: "ivf", faiss.IndexHNSWFlat: "hnsw",
        }  # fmt: skip
        return kinds.get(type(self._index))

    @property
    def num_lists(self) -> int:
        """Number of lists of an IVF index."""
        return int(self._index.nlist)

    @property
    def breadth(self) -> int | None:
        """The breadth of a search: lists searched, or candidates kept; None where all rows are compared."""
        if self.kind == "ivf":
            return int(self._index.nprobe)
        return int(self._index.hnsw.efSearch) if self.kind == "hnsw" else None

    def search_wide(self, breadth: int) -> None:
        """Set the breadth of searches of an approximate index; it is kept in the file."""
        if self.kind == "ivf":
            self._index.nprobe = breadth
        else:
            assert self.kind == "hnsw", self.kind
            self._index.hnsw.efSearch = breadth

    def add(self, vectors: NDArray[np.float32]) -> None:
        """Append (n, dim) unit vectors as the next n rows; a memory map is not copied first."""
        self._index.add(np.ascontiguousarray(vectors, np.float32))

    def search(self, queries: NDArray[np.float32], k: int) -> Neighbours:
        """The k nearest rows of each query.

        Args:
            queries: (n_queries, dim) unit vectors.
            k: Number of neighbours, at least 1.
        """
        assert k >= 1, f"k = {k}"
        similarities, rows = np.empty((len(queries), k), np.float32), np.empty((len(queries), k), np.int64)
        for start in range(0, len(queries), QUERY_ROWS):
            part = slice(start, start + QUERY_ROWS)
            similarities[part], rows[part] = self._index.search(np.ascontiguousarray(queries[part], np.float32), k)
        similarities[rows < 0] = np.nan
        return Neighbours(similarities, rows)

    def others(self, queries: NDArray[np.float32], own: NDArray[np.int64], k: int) -> Neighbours:
        """The k nearest rows of each query that are not the query itself.

        The query's own row is known by its number. It need not come first, since equal vectors may stand before it, and
        if there are enough of them it is not found at all.

        Args:
            queries: (n_queries, dim) unit vectors.
            own: (n_queries,) the row that each query is; a number that is no row if it is none.
            k: Number of neighbours, at least 1.
        """
        similarities, rows = np.empty((len(queries), k), np.float32), np.empty((len(queries), k), np.int64)
        for start in range(0, len(queries), QUERY_ROWS):
            part = slice(start, start + QUERY_ROWS)
            found = self.search(queries[part], k + 1)
            is_own = found.rows == own[part, None]
            left_out = np.where(is_own.any(axis=1), is_own.argmax(axis=1), k)
            kept = np.arange(k + 1) != left_out[:, None]
            similarities[part] = found.similarities[kept].reshape(-1, k)
            rows[part] = found.rows[kept].reshape(-1, k)
        return Neighbours(similarities, rows)

    def save(self, path: Path) -> None:
        """Write the index.

        Raises:
            RuntimeError: FAISS's, if it cannot be written.
        """
        require_faiss().write_index(self._index, str(path))

    @classmethod
    def load(cls, path: Path) -> VectorIndex:
        """Read an index that `save` wrote, of any kind.

        Raises:
            ArtifactError: If it is missing or not an index by inner product of a kind that is made here.
            MissingExtraError: If FAISS is not installed.
        """
        faiss = require_faiss()
        try:
            index = cls.around(faiss.read_index(str(ordinary_file(path))))
        except RuntimeError as error:
            if found := refused(error, f"cannot read {path}"):
                raise found from None
            index = None
        if index is None or index.kind is None:
            raise ArtifactError(f"{path} is not a FAISS index of dataselect", "make it with dataselect embed")
        return index
