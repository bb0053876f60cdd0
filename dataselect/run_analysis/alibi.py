"""The alibi of an association: what it is with the length held fixed, and without the groups that carry it.

Beside every property and task, for each model and as the mean over all models of Spearman within each (scores, so no
baseline is needed):

    length    the partial Spearman given the length, which is `control` or the property whose name says so
    groups    for each column of `group` (the data sets by default): without each group in turn, which one moves it
              most, the few groups that carry most of it (`without_groups`), the interval from drawing groups anew

Two kinds of lines follow from these. Both need that the sign turns, or that less than half of the coefficient is left.

    warning   and that tables without the fault fall as far in at most 5 % of cases, over all checks of this
              association together: each gets an equal share (`sound_tables`)
    caution   otherwise: the figures are as they are, but a relation that all groups share would look alike. So few
              groups, or so weak a relation, cannot tell

A property that orders the data sets of all models as the length does is the length: a warning too. The level is of one
association; among twenty of a clean table one warning is expected. The same is done for any property, since similarity
to a task needs an alibi as much as a likelihood does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from dataselect.records import Direction

AlibiScope = Literal["one model", "mean over models"]
Hold = Literal["holds", "warning", "caution", "no number"]


@dataclass(frozen=True, slots=True)
class LengthAlibi:
    """An association with the length held fixed.

    Attributes:
        length: Name of the property; None where none is known, or where the property is the length.
        given: The partial coefficient; None where it is not defined.
        p: How often lengths that have nothing to do with it take as much from it; None where nothing much is taken.
        hold: "holds" where the sign and at least half of the coefficient stay.
        note: Why there is no number.
    """

    length: str | None
    given: float | None = None
    p: float | None = None
    hold: Hold = "no number"
    note: str = ""


@dataclass(frozen=True, slots=True)
class CarryingSet:
    """The groups of one number without which an association falls farthest, and what is left without them."""

    groups: tuple[str, ...]
    without: float


@dataclass(frozen=True, slots=True)
class GroupAlibi:
    """An association without groups.

    Attributes:
        column: What the groups are.
        groups: How many there are with a run in the association.
        ci_low, ci_high: 95 % interval from drawing the groups anew; None with fewer than five.
        low, high: Range without one group each; `moves_most` is the one without which it moves farthest.
        without_most: The coefficient without that one.
        farthest: The few groups, at most a third, without which least is left of it or the sign turns most.
        halved, turned: The smallest sets without which less than half is left, and without which the sign is another;
            None where there is none of at most a third.
        p: How often a relation that all groups share falls as far; None where it was not asked.
        note: Why there are no numbers.
    """

    column: str
    groups: int
    ci_low: float | None = None
    ci_high: float | None = None
    low: float | None = None
    high: float | None = None
    moves_most: str | None = None
    without_most: float | None = None
    farthest: CarryingSet | None = None
    halved: CarryingSet | None = None
    turned: CarryingSet | None = None
    p: float | None = None
    hold: Hold = "no number"
    note: str = ""


@dataclass(frozen=True, slots=True)
class Alibi:
    """One property against one task, in one method.

    Attributes:
        model: Of scope "one model".
        direction: With "lower", all coefficients are turned: above 0 means that lower values go with better scores.
        n: Runs; of `n_models` models and `n_datasets` data sets.
        estimate: Spearman, or the mean over models of it.
        left_out_models: Those without a coefficient: too few data sets, or one side is the same everywhere.
        note: Why there is no number.
        level: What each p has to be at or below for a warning.
    """

    property: str
    task: str
    method: str
    scope: AlibiScope
    model: str | None
    direction: Direction
    n: int
    n_models: int
    n_datasets: int
    estimate: float | None
    length: LengthAlibi
    groups: tuple[GroupAlibi, ...]
    left_out_models: tuple[str, ...]
    level: float
    note: str
