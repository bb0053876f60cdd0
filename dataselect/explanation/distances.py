"""How far a row is from being kept: in places below the budget's cut, or below a shortlist.

Places of the final order are read off. A shortlist is cut from the order that duplicates have left, of which the rows
that it holds carry the places of a later strategy: the rows that it does not hold are counted from the end instead.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dataselect.explanation.selected import DUPLICATES, Selected
from dataselect.selection.budget import parse_budget

_UNPLACED = ("dropped_by_rule", "not_reached", "not_shortlisted")


@dataclass(frozen=True, slots=True)
class BelowShortlist:
    """A row that a strategy ranked, and the next one was not given.

    Attributes:
        size: Rows on the shortlist.
        by: How many places the row is below it.
        then: The strategy that orders the shortlist.
    """

    size: int
    by: int
    then: str


def below_cut(selected: Selected, row: int) -> int | None:
    """Places below the last row that is kept; None for rows that are kept or have no rank."""
    by = int(selected.rank[row]) - selected.kept
    return by if selected.rank[row] and by > 0 else None


def below_shortlist(selected: Selected, row: int) -> BelowShortlist | None:
    """How far below the shortlist of the next strategy a row is; None where that is not why it is left out."""
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
    """Rows on the shortlist that a strategy, counted from 0, is given; the first one has none."""
    return parse_budget(selected.stages[stage]["shortlist"]).resolve(len(selected), None)


def unplaced_by(selected: Selected, row: int) -> int | None:
    """The strategy, from 0, that was given a row and did not rank it; None where there is no such one."""
    reason, number = selected.reason(row), int(selected.ranked.stage[row])
    if reason not in _UNPLACED or number >= len(selected.stages) or below_shortlist(selected, row) is not None:
        return None
    return number


def cut_score(selected: Selected) -> float | None:
    """The score of the last row that is kept; None where the strategy gives none."""
    score = float(selected.ranked.score[selected.cut.rows[-1]])
    return None if np.isnan(score) else score
