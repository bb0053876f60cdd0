"""The nearest rows of the pool and the nearest targets of a row, by cosine.

Every vector is compared, so the neighbours are exact; of equals the first by id, or by place in the target files, comes
first. Each is shown with what became of it and the beginning of its text.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dataselect.artifacts import read_text
from dataselect.comparison.excerpts import Excerpt, excerpt
from dataselect.embeddings.store import TARGETS
from dataselect.errors import DataselectError
from dataselect.explanation.inputs import EMBED, NO_COSINE, ExplainInputs, Targets, read_targets
from dataselect.explanation.request import ExplainRequest, NearTarget, Neighbour
from dataselect.explanation.selected import Selected
from dataselect.records import Example
from dataselect.selection.vectors import Vectors
from dataselect.strategies.cosine import cosine_rows, descending


@dataclass(frozen=True, slots=True)
class Near:
    """A row of the pool, or a target, by its place there, and its cosine."""

    place: int
    cosine: float


def neighbour(selected: Selected, row: int, cosine: float | None, texts: Mapping[str, Example]) -> Neighbour:
    """Describe a row of the pool as a neighbour."""
    id_ = selected.ids[row]
    return Neighbour(id_, cosine, int(selected.rank[row]) or None, selected.reason(row), _excerpt(texts.get(id_)))


def near_targets(inputs: ExplainInputs, request: ExplainRequest) -> tuple[tuple[NearTarget, ...], tuple[str, ...]]:
    """Return the nearest targets, and why there are none, or no texts of them.

    Raises:
        DataselectError: If the request names target files that are not those which were embedded.
    """
    if inputs.vectors is None or inputs.cosines is None:
        return (), ()
    if not len(inputs.vectors.targets):
        return (), (f"targets: {inputs.vectors.folder} was embedded without any ({EMBED})",)
    ids, missing = target_ids(inputs.vectors), tuple[str, ...]()
    examples: Targets = {}
    try:
        examples = read_targets(inputs.vectors.folder, request.targets)
    except DataselectError as error:
        if request.targets:
            raise
        missing = (f"texts of targets: {error}",)
    found = []
    for one in nearest_targets(inputs.vectors, request.id, request.k):
        task, id_ = inputs.vectors.target_tasks[one.place], ids[one.place]
        found.append(NearTarget(task, id_, one.cosine, _excerpt(examples.get((task, id_)))))
    return tuple(found), missing


def nearest(cosines: NDArray[np.float32], k: int) -> tuple[Near, ...]:
    """Return the k largest cosines, fewer where there are fewer."""
    places = descending(cosines, k).tolist()
    return tuple(Near(place, float(cosines[place])) for place in places if cosines[place] > NO_COSINE)


def nearest_targets(vectors: Vectors, id_: str, k: int) -> tuple[Near, ...]:
    """Return the k targets nearest to a row, by their place in the target set."""
    return nearest(next(cosine_rows(vectors.of([id_]), vectors.targets)), k)


def target_ids(vectors: Vectors) -> tuple[str, ...]:
    """(m,) the id of each target in its own file."""
    lines = read_text(vectors.folder / TARGETS).split("\n")[:-1]
    return tuple(str(json.loads(line)["id"]) for line in lines)


def _excerpt(example: Example | None) -> Excerpt | None:
    return None if example is None else excerpt(example)
