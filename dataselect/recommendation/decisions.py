"""What a race may say of an arm: better, worse, equivalent or undecided, from paired items and pooled noise of seeds.

An arm was trained with S seeds and the control with R at the same budget; gains are per item, over the untrained model.
With d_i the difference of their means on item i, the interval at a look has the two parts of
`dataselect.comparison.intervals`, whose formula for items is used as it is:

    h(a)^2 = t(G - 1, a)^2 * A + t(f, a)^2 * v * (1 / S + 1 / R)

A is the variance of the mean of d_i over blocks of neighbouring items. v is the variance of a seed's mean, *pooled over
all arms of the budget* that have two seeds or more, with f pooled degrees of freedom, or the arm's or the control's own
variance where that is larger. An arm with one seed takes the pooled v. Below `LEAST_DOF` nothing is known of seeds: no
look is taken and no error is spent.

**Looking often.** The k-th look at an arm, counted over all budgets, is taken at the level a_k = 0.05 / (k (k + 1)).
The levels sum to 0.05, so by the union bound an arm that is no better and no worse than random at any budget is called
either in at most 5 % of races, however often one looks, and for any rule that decides where to go on. That needs each
single interval to hold at its level. Assumed for it: differences of blocks and means of seeds are near normal, and no
arm's seeds are much noisier than the pool's (the own variance guards a part of that). Both are checked by simulation in
`tests/recommendation/test_decisions.py` and `benchmarks/recommend/nothing_to_find.py`.

Not guaranteed: that *no* arm of many is called falsely, and that an estimate of the arm that came first is unbiased. It
is too large (the winner's curse). A race chooses; what is reported comes from sealed items and fresh seeds.

`equivalent` is said when the interval lies within a margin, by default a tenth of what training on the control gains.
The margin is itself an estimate, taken as fixed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dataselect.comparison.intervals import (
    VarianceEstimate,
    half_width,
    paired_difference,
    seed_variance,
)

BETTER, WORSE, EQUIVALENT, UNDECIDED, FAILED = "better", "worse", "equivalent", "undecided", "failed"
ALPHA = 0.05
"""Error that all looks at one arm may spend."""
LEAST_DOF = 2
MARGIN = 0.1
"""Share of the control's gain over the untrained model within which a difference does not matter."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class GapInterval:
    """Arm minus control per item, averaged, with its interval; without ends where the data support none."""

    estimate: float
    low: float | None = None
    high: float | None = None

    def decision(self, margin: float) -> str:
        """One of better, worse, equivalent and undecided; a difference that is shown is said even within the margin."""
        if self.low is None or self.high is None:
            return UNDECIDED
        if self.low > 0:
            return BETTER
        if self.high < 0:
            return WORSE
        return EQUIVALENT if -margin <= self.low and self.high <= margin else UNDECIDED


@dataclass(frozen=True, slots=True)
class ArmDecision:
    """What the race says of one arm at one budget.

    Attributes:
        arm, budget: Name, and tokens asked for in one training.
        decision: better, worse, equivalent, undecided, or failed.
        estimate, low, high: Gain over the control at this budget and the interval of the last look, at that look's
            level; None where there is none. They steer the search; after a selection they are too optimistic.
        seeds, tokens: Trainings that worked, and the tokens of all of them.
        reason: One sentence.
    """

    arm: str
    budget: int
    decision: str
    estimate: float | None
    low: float | None
    high: float | None
    seeds: int
    tokens: int
    reason: str


def alpha_of_look(look: int) -> float:
    """Level of the k-th look at an arm (from 1); all levels together are `ALPHA`."""
    return ALPHA / (look * (look + 1))


def pooled_seed_noise(arms: Sequence[Floats]) -> VarianceEstimate | None:
    """Variance of a seed's mean over items, from all arms of a budget.

    Args:
        arms: One (seeds, n_items) array per arm, the control among them.

    Returns:
        The variance with the summed degrees of freedom; None where no arm has a second seed.
    """
    repeated = [arm for arm in arms if len(arm) > 1]
    dof = sum(len(arm) - 1 for arm in repeated)
    if not dof:
        return None
    return VarianceEstimate(sum(seed_variance(arm) * (len(arm) - 1) for arm in repeated) / dof, dof)


def gap_interval(arm: Floats, control: Floats, noise: VarianceEstimate | None, level: float) -> GapInterval:
    """The paired difference with its interval at a two-sided level.

    Args:
        arm: (S, n_items) gains, one row per seed.
        control: (R, n_items) gains on the same items in the same order.
        noise: Of `pooled_seed_noise`; without it, or below `LEAST_DOF`, there is no interval.
    """
    difference = paired_difference(arm, control)
    if noise is None or noise.dof < LEAST_DOF or arm.shape[1] < 2:
        return GapInterval(difference.estimate)
    if difference.components:
        half = half_width([difference.components[0].own, _seeds(arm, control, noise)], level)
        return GapInterval(difference.estimate, difference.estimate - half, difference.estimate + half)
    if difference.estimate == 0.0 and noise.variance == 0.0:  # nothing that was trained changes any item
        return GapInterval(0.0, 0.0, 0.0)
    return GapInterval(difference.estimate)


def _seeds(arm: Floats, control: Floats, noise: VarianceEstimate) -> tuple[VarianceEstimate, ...]:
    total = sum(
        max(noise.variance, seed_variance(side) if len(side) > 1 else 0.0) / len(side) for side in (arm, control)
    )
    return (VarianceEstimate(total, noise.dof),)


def equivalence_margin(control: Floats) -> float:
    """`MARGIN` of the control's mean gain, whatever its sign; control is (R, n_items)."""
    return MARGIN * abs(float(control.mean()))
