"""What is near a row: the rows of the pool, and the targets, with the largest cosine to it.

Every vector is compared (one product per look), so the neighbours are the true ones; of equals the first by id, or by
place in the target files, comes first.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dataselect.embeddings.store import TARGETS
from dataselect.selection.vectors import Vectors
from dataselect.strategies.cosine import cosine_rows, descending
from dataselect.strategies.strings import Strings

_NONE = -2.0
"""Below every cosine."""


@dataclass(frozen=True, slots=True)
class Near:
    """A row of the pool, or a target, by its place there, and its cosine."""

    place: int
    cosine: float


def row_cosines(vectors: Vectors, ids: Strings, row: int) -> NDArray[np.float32]:
    """The cosine of a row to every row of the pool.

    Args:
        ids: (n_pool,) ids of the pool.

    Returns:
        (n_pool,) cosines; -2 for itself, and for rows without a vector.

    Raises:
        ArtifactError: If the row has no vector.
    """
    own = vectors.of([ids[row]])
    cosines = next(cosine_rows(own, vectors.matrix))
    rows = ids.rows_of(Strings(vectors.ids))
    there = rows >= 0
    aligned = np.full(len(ids), _NONE, np.float32)
    aligned[rows[there]] = cosines[there]
    aligned[row] = _NONE
    return aligned


def nearest(cosines: NDArray[np.float32], k: int) -> tuple[Near, ...]:
    """The k largest cosines, fewer where there are fewer."""
    places = descending(cosines, k).tolist()
    return tuple(Near(place, float(cosines[place])) for place in places if cosines[place] > _NONE)


def nearest_targets(vectors: Vectors, id_: str, k: int) -> tuple[Near, ...]:
    """The k targets nearest to a row, by their place in the target set."""
    return nearest(next(cosine_rows(vectors.of([id_]), vectors.targets)), k)


def target_ids(vectors: Vectors) -> tuple[str, ...]:
    """(m,) the id of each target in its own file."""
    lines = (vectors.folder / TARGETS).read_text(encoding="utf-8").split("\n")[:-1]
    return tuple(str(json.loads(line)["id"]) for line in lines)
