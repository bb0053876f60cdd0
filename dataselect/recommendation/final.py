"""The final: the finalist and random at the same tokens, fresh seeds each, on the sealed items.

The finalist's arm is trained on the very rows that are recommended, once for each seed; the control draws fresh rows
from all clean ones for each seed. Nothing here has been looked at by the search, so the estimate is not too large as
that of a race's winner is.

**Another look.** A search that is continued and ends in another final looks at the sealed items again. The k-th look
has the level 0.05 / 2^(k-1), so that random rows are called better in at most 2.5 + 1.25 + ... < 5 % of searches.
A repeated command that comes to the same final is the same look.

    better       the interval of the difference lies above 0
    worse        below 0
    equivalent   within a tenth of what training on random rows gains
    undecided    none of these

The interval is that of `sealed_interval`.

Left out: the correction for several tasks; the decision is about the one combined objective.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dataselect.comparison.intervals import half_width, paired_difference
from dataselect.recommendation.decisions import GapInterval, equivalence_margin
from dataselect.recommendation.objective import Objective
from dataselect.recommendation.sealed_interval import detectable_difference, level_of_look, sealed_difference
from dataselect.records import TaskResult

Floats = NDArray[np.float64]
Results = tuple[TaskResult, ...]


@dataclass(frozen=True, slots=True)
class FinalFigure:
    """One task in its own units.

    Attributes:
        untrained, model, random: Means of the metric; `model` of the rows that are recommended.
        to_untrained: Change of the metric by training on the recommended rows.
        to_random: The finalist minus random, whether it is recommended or not; None without a finalist.
    """

    task: str
    metric: str
    direction: str
    n_items: int
    n_seeds: int
    untrained: float
    model: float
    random: float
    to_untrained: GapInterval
    to_random: GapInterval | None


@dataclass(frozen=True, slots=True)
class ControlGap:
    """The finalist minus a further control on one task, in the metric's own units and sign."""

    task: str
    metric: str
    direction: str
    difference: GapInterval


@dataclass(frozen=True, slots=True)
class FinalVerdict:
    """What the final says.

    Attributes:
        decision: better, worse, equivalent or undecided; empty where there was no finalist.
        gap: The finalist over random in the objective, higher is better; None without a finalist.
        gain: Of random over the untrained model, in the objective.
        margin: Within which a difference does not matter.
        seen: The difference that the interval of such a final would have shown in 80 % of cases; None where there is
            none.
        look, level: Which look at the sealed items this is, and its error.
        figures: By task, of the rows that are recommended.
    """

    decision: str
    gap: GapInterval | None
    gain: GapInterval
    margin: float
    seen: float | None
    look: int
    level: float
    figures: tuple[FinalFigure, ...]


def judge(objective: Objective, finalist: Sequence[Results], control: Sequence[Results], look: int) -> FinalVerdict:
    """Compare the models of both sides.

    Args:
        objective: Of the sealed items.
        finalist: Results of each of its models; none where the race named no finalist.
        control: Those of random, two at least.
    """
    level = level_of_look(look)
    random = np.stack([objective.gains(one) for one in control])
    gain, margin = over_untrained(np.zeros(random.shape[1]), random, level), equivalence_margin(random)
    if not finalist:
        figures = _figures(objective, control, (), control, level)
        return FinalVerdict("", None, gain, margin, None, look, level, figures)
    chosen = np.stack([objective.gains(one) for one in finalist])
    gap = sealed_difference(chosen, random, level)
    decision = gap.decision(margin)
    kept = finalist if decision == "better" else control
    figures = _figures(objective, kept, finalist, control, level)
    seen = detectable_difference(chosen, random, level)
    return FinalVerdict(decision, gap, gain, margin, seen, look, level, figures)


def control_gaps(
    objective: Objective, finalist: Sequence[Results], control: Sequence[Results], level: float
) -> tuple[ControlGap, ...]:
    """The finalist against a control that decides nothing, one for each task."""
    found = []
    for place, base in enumerate(objective.untrained):
        ours, theirs = _values(objective, place, finalist), _values(objective, place, control)
        assert ours is not None, "there is a finalist"
        assert theirs is not None, "the control was trained"
        found.append(ControlGap(base.task, base.metric, base.direction, sealed_difference(ours, theirs, level)))
    return tuple(found)


def over_untrained(untrained: Floats, trained: Floats, level: float) -> GapInterval:
    """Models minus the untrained one, whose single run has no noise of seeds.

    Args:
        untrained: (n_items,) values.
        trained: (seeds, n_items) values.
    """
    found = paired_difference(untrained[None], trained, untrained=True)
    if not found.components:
        low, high = found.ci_low, found.ci_high
        return GapInterval(
            0.0 - found.estimate, None if high is None else 0.0 - high, None if low is None else 0.0 - low
        )
    half = half_width([part.own for part in found.components], level)
    return GapInterval(-found.estimate, -found.estimate - half, -found.estimate + half)


def _figures(
    objective: Objective, kept: Sequence[Results], finalist: Sequence[Results], control: Sequence[Results], level: float
) -> tuple[FinalFigure, ...]:
    """One for each task, in the metric's own units and sign.

    Args:
        kept: Results of the models of the rows that are recommended.
    """
    found = []
    for place, base in enumerate(objective.untrained):
        ours, chosen, random = (_values(objective, place, side) for side in (kept, finalist, control))
        assert ours is not None, "something is recommended"
        assert random is not None, "random is always trained"
        found.append(
            FinalFigure(
                task=base.task, metric=base.metric, direction=base.direction, n_items=len(base.item_ids),
                n_seeds=len(kept), untrained=base.mean, model=float(ours.mean()), random=float(random.mean()),
                to_untrained=over_untrained(base.values, ours, level),
                to_random=None if chosen is None else sealed_difference(chosen, random, level),
            )
        )  # fmt: skip
    return tuple(found)


def _values(objective: Objective, place: int, side: Sequence[Results]) -> Floats | None:
    """(seeds, n_items) of one task."""
    return np.stack([objective.aligned(one)[place].values for one in side]) if side else None
