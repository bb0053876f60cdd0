"""Which index a pool gets in `index.faiss`: the rule, in one place.

    up to 100,000 rows                                       exact: all rows are compared, in milliseconds
    up to 1,000,000, if vectors and graph together take no
    more than a quarter of the machine's memory              HNSW (Malkov and Yashunin 2018, arXiv 1603.09320)
    else                                                     IVF over plain vectors (Jegou et al. 2011)

A graph costs about 280 bytes a row beside the vectors, and is built by one thread, so that the same pool gives the same
file; lists cost 8 bytes a row and their building uses all cores. How wide a search goes is not part of the rule: it is
measured (`recall`). Figures behind the sizes: benchmarks/README.md, "Index choice".
"""

from __future__ import annotations

import os
from typing import Literal

from dataselect.embeddings.index import IndexKind

AskedIndex = Literal["auto", "exact", "ivf", "hnsw"]

EXACT_ROWS = 100_000
HNSW_ROWS = 1_000_000
GRAPH_BYTES = 280
_SHARE = 0.25


def chosen_kind(asked: AskedIndex, rows: int, dim: int, memory_bytes: int) -> IndexKind:
    """The kind of index for a pool.

    Args:
        asked: A kind, or "auto" for the rule.
        rows: Embedded examples.
        dim: Length of a vector.
        memory_bytes: Of the machine.
    """
    if asked != "auto":
        return asked
    if rows <= EXACT_ROWS:
        return "exact"
    graph_bytes = rows * (4 * dim + GRAPH_BYTES)
    return "hnsw" if rows <= HNSW_ROWS and graph_bytes <= _SHARE * memory_bytes else "ivf"


def machine_memory() -> int:
    """Bytes of memory of this machine, whether in use or not, so that the choice is the same every time."""
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
