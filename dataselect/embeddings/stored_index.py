"""The index of the pool on disk: the kind that the rule names, built, measured and written."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dataselect.embeddings.approximate import build_index
from dataselect.embeddings.index import IndexKind
from dataselect.embeddings.index_choice import AskedIndex, chosen_kind, machine_memory
from dataselect.embeddings.recall import tuned_recall
from dataselect.embeddings.store import INDEX, VECTORS

_K = 10
"""Neighbours that recall is measured with where no top k was asked for."""


@dataclass(frozen=True, slots=True)
class IndexReport:
    """What `index.faiss` is, for the manifest.

    Attributes:
        asked: As asked for.
        breadth: Lists or candidates per search; None for an exact index.
        k: Neighbours that recall was measured with.
        recall: recall@k against exact search (`recall`): 1 by definition for an exact index, None for a single row.
        queries: Rows that recall was measured on; 0 where it was not measured.
        build_s: Seconds that it took to build.
    """

    kind: IndexKind
    asked: AskedIndex
    rows: int
    breadth: int | None
    k: int
    recall: float | None
    queries: int
    build_s: float


def store_index(out: Path, asked: AskedIndex, k: int | None) -> IndexReport:
    """Index the vectors of a stage directory, which are read as a memory map.

    Args:
        out: A folder with a file of vectors.
        k: Neighbours to measure recall with; None for 10.

    Raises:
        ArtifactError: If the index cannot be written.
    """
    vectors = np.load(out / VECTORS, mmap_mode="r")
    kind = chosen_kind(asked, len(vectors), vectors.shape[1], machine_memory())
    start = time.perf_counter()
    index = build_index(kind, vectors)
    build_s = time.perf_counter() - start
    recall = tuned_recall(index, vectors, k or _K)
    index.save(out / INDEX)
    return IndexReport(
        kind, asked, len(index), recall.breadth, recall.k, recall.value, recall.queries, round(build_s, 3)
    )
