"""The obstacle between a row and the selection: the row that blocks it, or its distance to the cut or to a shortlist.

De-duplication records the row that stays; the similarity of the two is computed again here, on the texts or the
embeddings, as `select` did. Deita records nothing: it skips a row within its cosine of one that it has taken, so the
blocking row is, of those that it took and that score better, the nearest.

Places of the final order are read from the ranking. A shortlist is cut from the order that remains after
de-duplication, and the rows on it carry their places under a later strategy: so the place of a row below a shortlist is
counted from the end.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from dataselect.explanation.numbers import Numbers
from dataselect.explanation.selected import DUPLICATES, Selected
from dataselect.records import Example
from dataselect.selection.budget import parse_budget
from dataselect.selection.dedup import jaccard, shingles
from dataselect.selection.pool_index import text_of_example

_ROUNDING = 1e-5
"""Distance to the threshold below which `select` computes a cosine again."""

_UNPLACED = ("dropped_by_rule", "not_reached", "not_shortlisted")


@dataclass(frozen=True, slots=True)
class BlockingRow:
    """The row that ranks higher and keeps another one out.

    Attributes:
        row: Of the pool.
        measure: How similarity is measured: of embeddings, or of sets of word 5-grams.
        similarity: None where the two are the same, or what it is measured on is not available.
    """

    row: int
    measure: Literal["cosine", "Jaccard similarity"]
    similarity: float | None


def duplicate_of(
    selected: Selected, row: int, cosines: NDArray[np.float32] | None, texts: Mapping[str, Example]
) -> BlockingRow | None:
    """Return the row that a duplicate repeats; None for other rows.

    Args:
        cosines: (n_pool,) of the row to each row; None without embeddings.
        texts: id -> example, with the two if they are available.
    """
    reason = selected.reason(row)
    if reason not in DUPLICATES:
        return None
    other = selected.row(selected.cut.exclusions.because[row])
    if reason == "semantic_duplicate":
        return BlockingRow(other, "cosine", None if cosines is None else float(cosines[other]))
    pair = [texts.get(selected.ids[one]) for one in (row, other)]
    sets = [shingles(text_of_example(one)) for one in pair if one is not None]
    similarity = jaccard(*sets) if reason == "near_duplicate" and len(sets) == 2 and all(sets) else None
    return BlockingRow(other, "Jaccard similarity", similarity)


def skipped_for(
    selected: Selected, row: int, cosines: NDArray[np.float32] | None, numbers: Numbers
) -> BlockingRow | None:
    """Return the row for which Deita skipped this one; None where another strategy, or another reason, left it out."""
    number = unplaced_by(selected, row)
    if cosines is None or number is None or selected.stages[number]["strategy"] != "deita":
        return None
    params = selected.stages[number]["params"]
    score = _deita_score(params, numbers)
    if score is None:
        return None
    better = (score > score[row]) | ((score == score[row]) & (np.arange(len(score)) < row))
    taken = np.flatnonzero((selected.ranked.stage > number) & better)
    near = taken[cosines[taken] > params["threshold"] - _ROUNDING]
    if not len(near):
        return None
    nearest = int(near[np.argmax(cosines[near])])
    return BlockingRow(nearest, "cosine", float(cosines[nearest]))


def _deita_score(params: Mapping[str, Any], numbers: Numbers) -> NDArray[np.float64] | None:
    """(n_pool,) higher is better; None where a column is not available."""
    names = [params["score"]] if params["score"] else [params["complexity"], params["quality"]]
    if any(name not in numbers.columns for name in names):
        return None
    score: NDArray[np.float64] = np.prod([numbers.columns[name] for name in names], axis=0)
    return -score if params["direction"] == "low" else score


@dataclass(frozen=True, slots=True)
class BelowShortlist:
    """A row that a strategy ranked below what the next one was given.

    Attributes:
        size: Rows on the shortlist.
        by: How many places the row is below it.
        then: The strategy that orders the shortlist.
    """

    size: int
    by: int
    then: str


def below_cut(selected: Selected, row: int) -> int | None:
    """Return the places below the last row that is kept; None for rows that are kept or have no rank."""
    by = int(selected.rank[row]) - selected.kept
    return by if selected.rank[row] and by > 0 else None


def below_shortlist(selected: Selected, row: int) -> BelowShortlist | None:
    """Return how far a row is below the next strategy's shortlist; None where that is not why it is left out."""
    number = int(selected.ranked.stage[row])
    if selected.reason(row) != "not_shortlisted" or number == 0:
        return None
    size = shortlist_size(selected, number)
    ranked = int(((selected.ranked.stage >= number) & ~selected.rows_with(*DUPLICATES)).sum())
    same = (selected.ranked.stage == number) & selected.rows_with("not_shortlisted")
    after = int((selected.ranked.place[same] > selected.ranked.place[row]).sum())
    by = ranked - size - after
    return BelowShortlist(size, by, selected.stages[number]["strategy"]) if by > 0 else None


def shortlist_size(selected: Selected, stage: int) -> int:
    """Return the rows on the shortlist that a strategy, counted from 0, is given; the first one has none."""
    return parse_budget(selected.stages[stage]["shortlist"]).resolve(len(selected), None)


def unplaced_by(selected: Selected, row: int) -> int | None:
    """Return the strategy, from 0, that was given a row and did not rank it; None where there is none."""
    reason, number = selected.reason(row), int(selected.ranked.stage[row])
    if reason not in _UNPLACED or number >= len(selected.stages) or below_shortlist(selected, row) is not None:
        return None
    return number


def cut_score(selected: Selected) -> float | None:
    """Return the score of the last row that is kept; None where the strategy gives none."""
    score = float(selected.ranked.score[selected.cut.rows[-1]])
    return None if np.isnan(score) else score
