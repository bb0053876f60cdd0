"""The rows of a comparison: every strategy, at every budget, on every task, against random.

A strategy is compared with `random` at its own budget and unit, never at another, because more data is a treatment of
its own. An untrained model and the full pool have no budget: they are compared with random at the largest budget, and
the row's `note` says which. Where there is no random run to compare with, the differences are null and the verdict says
so; a number is never made from something else.

The second control is `length-matched-random:STRATEGY`: random examples with the token lengths of that strategy's
selection. A strategy that beats random but not this control has chosen length.

Left out: the statistics themselves (`intervals`, `resampling`), and what they amount to (`judgement`).
"""

from __future__ import annotations

from collections.abc import Sequence

from dataselect.analysis.arms import Arm, Group
from dataselect.analysis.controls import CONTROL, LENGTH_CONTROL, WITHOUT_BUDGET
from dataselect.analysis.intervals import Difference, paired_difference
from dataselect.analysis.judgement import IS_CONTROL, Row, judged
from dataselect.analysis.resampling import resampled

_NO_SEEDS = "no arm has two seeds: the noise of seeds is not in the interval"
_NO_SPREAD = "the same difference on every item: p by the exact sign test, no interval"


def build_rows(arms: Sequence[Arm]) -> list[Row]:
    """One row per arm, in the order of the arms."""
    by_cell = {(arm.task, arm.metric, arm.group): arm for arm in arms}
    rows = [_row(arm, _random_for(arm, arms), by_cell.get(_length_key(arm))) for arm in arms]
    return judged(rows)


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
    is_random = arm.group.strategy == CONTROL
    difference = None if control is None or is_random else paired_difference(arm.values, control.values)
    again = resampled(arm.values, control.values) if difference and control and difference.p is not None else None
    random_seeds = () if control is None else (control.values,)
    matched = paired_difference(arm.values, length_control.values, random_seeds) if length_control else None
    return Row(
        strategy=arm.group.strategy, budget=arm.group.budget, unit=arm.group.unit,
        task=arm.task, metric=arm.metric, direction=arm.direction,
        n_items=arm.values.shape[1], n_seeds=len(arm.seeds), estimate=arm.estimate,
        diff_to_random=difference.estimate if difference else None,
        ci_low=difference.ci_low if difference else None,
        ci_high=difference.ci_high if difference else None,
        p=difference.p if difference else None, p_holm=None, tests=0,
        p_permutation=again.p if again else None,
        boot_low=again.low if again else None, boot_high=again.high if again else None,
        effect_size=again.effect if again else None,
        seed_noise=difference.seed_noise if difference else None,
        verdict=IS_CONTROL if is_random else "",
        compared_with=_words(control) if difference and control else "",
        diff_to_length_matched=matched.estimate if matched else None,
        lm_ci_low=matched.ci_low if matched else None,
        lm_ci_high=matched.ci_high if matched else None,
        lm_p=matched.p if matched else None, lm_p_holm=None,
        lm_seed_noise=matched.seed_noise if matched else None,
        lm_verdict=None,
        note=_note(arm, control, difference, matched),
    )  # fmt: skip


def _words(arm: Arm) -> str:
    return f"{arm.group.strategy} at {arm.group.budget:,} {arm.group.unit}"


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
