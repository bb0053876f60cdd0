"""The rows of a comparison: every strategy, at every budget, on every task, against random.

A strategy is compared with `random` at its own budget and unit, never at another, because more data is a treatment of
its own. An untrained model and the full pool have no budget: they are compared with random at the largest budget, and
the row's `note` says which. Where there is no random run to compare with, the differences are null and the verdict says
so; a number is never made from something else.

The second control is `length-matched-random:STRATEGY`: random examples with the token lengths of that strategy's
selection. A strategy that beats random but not this control has chosen length.

The metric's own direction decides what is better. Left out: the statistics themselves (`intervals`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dataselect.analysis.arms import Arm, Group
from dataselect.analysis.intervals import Difference, paired_difference
from dataselect.analysis.length_control import LENGTH_CONTROL
from dataselect.records import Direction

CONTROL = "random"
WITHOUT_BUDGET = ("untrained", "full")
"""Strategies that no budget limits."""

BETTER, WORSE, NOT_SHOWN = "better", "worse", "no difference shown"
IS_CONTROL = "control"
NO_CONTROL = "no random control: not compared"
ONE_ITEM = "one item: not compared"

_NO_SEEDS = "no arm has two seeds: the noise of seeds is not in the interval"
_NO_SPREAD = "the same difference on every item: p by the exact sign test, no interval"


@dataclass(frozen=True, slots=True)
class Row:
    """One strategy at one budget on one task in one metric, beside its controls.

    Attributes:
        n_seeds: Runs behind the estimate.
        estimate: The metric, mean over items and seeds.
        diff_to_random: Strategy minus random, in units of the metric, with its 95 % interval and p.
        compared_with: The control of that difference, in words ("random at 120 examples"); empty without one.
        verdict: "better" or "worse" than random, "no difference shown", "control", or why it was not compared.
        seed_noise: Whether the noise of seeds is in the interval; None where nothing was compared.
        diff_to_length_matched: The same against the strategy's own length-matched control.
        note: What a reader must know about this row; empty where nothing is unusual.
    """

    strategy: str
    budget: int
    unit: str
    task: str
    metric: str
    direction: Direction
    n_items: int
    n_seeds: int
    estimate: float
    diff_to_random: float | None
    ci_low: float | None
    ci_high: float | None
    p: float | None
    seed_noise: bool | None
    verdict: str
    compared_with: str
    diff_to_length_matched: float | None
    lm_ci_low: float | None
    lm_ci_high: float | None
    lm_p: float | None
    lm_seed_noise: bool | None
    lm_verdict: str | None
    note: str


def build_rows(arms: Sequence[Arm]) -> list[Row]:
    """One row per arm, in the order of the arms."""
    by_cell = {(arm.task, arm.metric, arm.group): arm for arm in arms}
    return [_row(arm, _random_for(arm, arms), by_cell.get(_length_key(arm))) for arm in arms]


def _length_key(arm: Arm) -> tuple[str, str, Group]:
    control = f"{LENGTH_CONTROL}:{arm.group.strategy}"
    return arm.task, arm.metric, Group(control, arm.group.budget, arm.group.unit)


def _random_for(arm: Arm, arms: Sequence[Arm]) -> Arm | None:
    """Random at the arm's budget and unit; at the largest budget, of the arm's unit if there is one, if it has none."""
    controls = [a for a in arms if (a.group.strategy, a.task, a.metric) == (CONTROL, arm.task, arm.metric)]
    if arm.group.strategy in WITHOUT_BUDGET:
        return max(controls, key=lambda a: (a.group.unit == arm.group.unit, a.group.budget), default=None)
    same = [a for a in controls if (a.group.budget, a.group.unit) == (arm.group.budget, arm.group.unit)]
    return same[0] if same else None


def _row(arm: Arm, control: Arm | None, length_control: Arm | None) -> Row:
    is_control = arm.group.strategy == CONTROL
    difference = None if control is None or is_control else paired_difference(arm.values, control.values)
    random_seeds = () if control is None else (control.values,)
    matched = paired_difference(arm.values, length_control.values, random_seeds) if length_control else None
    return Row(
        strategy=arm.group.strategy, budget=arm.group.budget, unit=arm.group.unit,
        task=arm.task, metric=arm.metric, direction=arm.direction,
        n_items=arm.values.shape[1], n_seeds=len(arm.seeds), estimate=arm.estimate,
        diff_to_random=difference.estimate if difference else None,
        ci_low=difference.ci_low if difference else None,
        ci_high=difference.ci_high if difference else None,
        p=difference.p if difference else None,
        seed_noise=difference.seed_noise if difference else None,
        verdict=IS_CONTROL if is_control else verdict(difference, arm.direction),
        compared_with=_words(control) if difference and control else "",
        diff_to_length_matched=matched.estimate if matched else None,
        lm_ci_low=matched.ci_low if matched else None,
        lm_ci_high=matched.ci_high if matched else None,
        lm_p=matched.p if matched else None,
        lm_seed_noise=matched.seed_noise if matched else None,
        lm_verdict=verdict(matched, arm.direction) if matched else None,
        note=_note(arm, control, difference, matched),
    )  # fmt: skip


def _words(arm: Arm) -> str:
    return f"{arm.group.strategy} at {arm.group.budget:,} {arm.group.unit}"


def verdict(difference: Difference | None, direction: Direction) -> str:
    """What a difference says, in the metric's own direction."""
    if difference is None:
        return NO_CONTROL
    if difference.p is None:
        return ONE_ITEM
    if not difference.shown:
        return NOT_SHOWN
    return BETTER if (difference.estimate > 0) == (direction == "higher") else WORSE


def _note(arm: Arm, control: Arm | None, difference: Difference | None, matched: Difference | None) -> str:
    notes = []
    if difference is not None and control is not None and arm.group.strategy in WITHOUT_BUDGET:
        notes.append(f"compared with {_words(control)}")
    for made, against in ((difference, ""), (matched, "against the length-matched control, ")):
        if made is not None and not made.seed_noise:
            notes.append(against + _NO_SEEDS)
        if made is not None and made.p is not None and made.ci_low is None:
            notes.append(against + _NO_SPREAD)
    return "; ".join(notes)
