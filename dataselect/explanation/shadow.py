"""Which row stands in another's way: the row that a duplicate repeats, and the one that a greedy rule took before it.

De-duplication records the row that stays; how alike the two are is computed again here, on the texts or the embeddings,
as `select` did. Deita records nothing: it skips a row within its cosine of one that it has taken, so the row in the way
is, of those that it took and that score better, the nearest.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from dataselect.explanation.distances import unplaced_by
from dataselect.explanation.numbers import Numbers
from dataselect.explanation.selected import DUPLICATES, Selected
from dataselect.records import Example
from dataselect.selection.near_duplicates import jaccard, shingles
from dataselect.selection.survey import said

_ROUNDING = 1e-5
"""How near to the threshold `select` looks twice (`strategies.greedy_cosine`)."""


@dataclass(frozen=True, slots=True)
class Shadow:
    """The row in the way.

    Attributes:
        row: Of the pool.
        measure: How likeness is measured: of embeddings, or of sets of word 5-grams.
        likeness: None where the two are the same, or what it is measured on is not at hand.
    """

    row: int
    measure: Literal["cosine", "Jaccard similarity"]
    likeness: float | None


def duplicate_of(
    selected: Selected, row: int, cosines: NDArray[np.float32] | None, texts: Mapping[str, Example]
) -> Shadow | None:
    """The row that a duplicate repeats; None for other rows.

    Args:
        cosines: (n_pool,) of the row to each row; None without embeddings.
        texts: id -> example, with the two if they are at hand.
    """
    reason = selected.reason(row)
    if reason not in DUPLICATES:
        return None
    other = selected.row(selected.cut.fates.because[row])
    if reason == "semantic_duplicate":
        return Shadow(other, "cosine", None if cosines is None else float(cosines[other]))
    pair = [texts.get(selected.ids[one]) for one in (row, other)]
    sets = [shingles(said(one)) for one in pair if one is not None]
    likeness = jaccard(*sets) if reason == "near_duplicate" and len(sets) == 2 and all(sets) else None
    return Shadow(other, "Jaccard similarity", likeness)


def skipped_for(selected: Selected, row: int, cosines: NDArray[np.float32] | None, numbers: Numbers) -> Shadow | None:
    """The row for which Deita skipped this one; None where another strategy, or another reason, left it out."""
    number = unplaced_by(selected, row)
    if cosines is None or number is None or selected.stages[number]["strategy"] != "deita":
        return None
    params = selected.stages[number]["params"]
    names = [params["score"]] if params["score"] else [params["complexity"], params["quality"]]
    if any(name not in numbers.columns for name in names):
        return None
    score = np.prod([numbers.columns[name] for name in names], axis=0)
    if params["direction"] == "low":
        score = -score
    better = (score > score[row]) | ((score == score[row]) & (np.arange(len(score)) < row))
    taken = np.flatnonzero((selected.ranked.stage > number) & better)
    near = taken[cosines[taken] > params["threshold"] - _ROUNDING]
    if not len(near):
        return None
    nearest = int(near[np.argmax(cosines[near])])
    return Shadow(nearest, "cosine", float(cosines[nearest]))
