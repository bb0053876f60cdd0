"""Neighbours and targets with what is known of each: what became of it, and the beginning of its text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dataselect.analysis.excerpts import Excerpt, excerpt
from dataselect.errors import DataselectError
from dataselect.explanation.inputs import EMBED, Inputs
from dataselect.explanation.neighbours import Near, nearest_targets, target_ids
from dataselect.explanation.request import ExplainRequest
from dataselect.explanation.result import NearTarget, Neighbour
from dataselect.explanation.selected import Selected
from dataselect.explanation.texts import Targets, read_targets
from dataselect.records import Example


def neighbour(selected: Selected, row: int, cosine: float | None, texts: Mapping[str, Example]) -> Neighbour:
    """A row of the pool as a neighbour."""
    id_ = selected.ids[row]
    return Neighbour(id_, cosine, int(selected.rank[row]) or None, selected.reason(row), _excerpt(texts.get(id_)))


def near_rows(selected: Selected, close: Sequence[Near], texts: Mapping[str, Example]) -> tuple[Neighbour, ...]:
    """The nearest rows."""
    return tuple(neighbour(selected, one.place, one.cosine, texts) for one in close)


def near_targets(inputs: Inputs, request: ExplainRequest) -> tuple[tuple[NearTarget, ...], tuple[str, ...]]:
    """The nearest targets, and why there are none, or no texts of them.

    Raises:
        DataselectError: If the request names target files that are not those which were embedded.
    """
    if inputs.vectors is None or inputs.cosines is None:
        return (), ()
    if not len(inputs.vectors.targets):
        return (), (f"targets: {inputs.vectors.folder} was embedded without any ({EMBED})",)
    ids, told = target_ids(inputs.vectors), tuple[str, ...]()
    examples: Targets = {}
    try:
        examples = read_targets(inputs.vectors.folder, request.targets)
    except DataselectError as error:
        if request.targets:
            raise
        told = (f"texts of targets: {error}",)
    found = []
    for one in nearest_targets(inputs.vectors, request.id, request.k):
        task, id_ = inputs.vectors.target_tasks[one.place], ids[one.place]
        found.append(NearTarget(task, id_, one.cosine, _excerpt(examples.get((task, id_)))))
    return tuple(found), told


def _excerpt(example: Example | None) -> Excerpt | None:
    return None if example is None else excerpt(example)
