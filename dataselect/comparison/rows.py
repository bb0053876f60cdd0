"""The rows of a comparison: every strategy, at every budget, on every task, against random.

A strategy is compared with `random` at its own budget and unit, never at another, because more data is a treatment of
its own. An untrained model and the full pool are references, not candidates: they have no budget, their difference is
to random at the largest budget, the row's `note` says which, and they get no verdict. Where there is no random run to
compare with, the differences are null and the verdict names the reason; no other control takes its place.

The second control is `length-matched-random:STRATEGY`: random examples with the token lengths of that strategy's
selection. A strategy that beats random but not this control has chosen length.

Left out: the statistics themselves (`intervals`, `resampling`, `power`), and the verdicts (`verdicts`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from dataselect.comparison.arms import Arm, ArmKey
from dataselect.comparison.controls import CONTROL, LENGTH_CONTROL, UNTRAINED, WITHOUT_BUDGET, role
from dataselect.comparison.intervals import ArmDifference, paired_difference, seed_variance
from dataselect.comparison.power import detectable
from dataselect.comparison.resampling import resampled
from dataselect.comparison.verdicts import ComparedArm, ComparisonRow, with_verdicts

_NO_SEEDS = "a side has one seed, whose noise is not in the interval: no verdict"
_NO_SPREAD = "the same difference on every item: p by the exact sign test, no interval"


def build_rows(arms: Sequence[Arm]) -> list[ComparisonRow]:
    """Build one row per arm, in the order of the arms."""
    compared = compare_arms(arms)
    rows = []
    for row, one, arm in zip(with_verdicts(compared), compared, arms, strict=True):
        if row.tests:
            found = [None if d is None or d.p is None else detectable(d.components, row.tests) for d in one.tested]
            row = replace(row, detectable=found[0], lm_detectable=found[1])
        control = _random_for(arm, arms)
        if control is not None and row.n_items > 1:
            again = resampled(arm.values, control.values)
            row = replace(
                row, p_permutation=again.p, boot_low=again.low, boot_high=again.high, effect_size=again.effect
            )
        rows.append(row)
    return rows


def compare_arms(arms: Sequence[Arm]) -> list[ComparedArm]:
    """Compute the differences of every arm to its controls, in the order of the arms."""
    by_key = {(arm.task, arm.metric, arm.group): arm for arm in arms}
    typical = _typical_seed_variances(arms)
    compared = []
    for arm in arms:
        matched = ArmKey(f"{LENGTH_CONTROL}:{arm.group.strategy}", arm.group.budget, arm.group.unit)
        length_control = by_key.get((arm.task, arm.metric, matched))
        compared.append(_compared(arm, _random_for(arm, arms), length_control, typical.get(_table(arm), 0.0)))
    return compared


def _table(arm: Arm) -> tuple[str, str, int, str]:
    return arm.task, arm.metric, arm.group.budget, arm.group.unit


def _typical_seed_variances(arms: Sequence[Arm]) -> dict[tuple[str, str, int, str], float]:
    """Mean over the arms of each table and budget that have two seeds, references left out."""
    found: dict[tuple[str, str, int, str], list[float]] = {}
    for arm in arms:
        if len(arm.values) > 1 and role(arm.group.strategy) != "reference":
            found.setdefault(_table(arm), []).append(seed_variance(arm.values))
    return {table: float(np.mean(variances)) for table, variances in found.items()}


def _random_for(arm: Arm, arms: Sequence[Arm]) -> Arm | None:
    """Random at the arm's budget and unit; at the largest budget, of the arm's unit if there is one, if it has none."""
    controls = [a for a in arms if (a.group.strategy, a.task, a.metric) == (CONTROL, arm.task, arm.metric)]
    if arm.group.strategy in WITHOUT_BUDGET:
        return max(controls, key=lambda a: (a.group.unit == arm.group.unit, a.group.budget), default=None)
    same = [a for a in controls if (a.group.budget, a.group.unit) == (arm.group.budget, arm.group.unit)]
    return same[0] if same and arm.group.strategy != CONTROL else None


def _compared(arm: Arm, control: Arm | None, length_control: Arm | None, typical: float) -> ComparedArm:
    untrained = arm.group.strategy == UNTRAINED
    difference = paired_difference(arm.values, control.values, typical, untrained=untrained) if control else None
    matched = paired_difference(arm.values, length_control.values, typical) if length_control else None
    row = ComparisonRow(
        strategy=arm.group.strategy, budget=arm.group.budget, unit=arm.group.unit, role=role(arm.group.strategy),
        task=arm.task, metric=arm.metric, direction=arm.direction,
        n_items=arm.values.shape[1], n_seeds=len(arm.seeds), estimate=arm.estimate,
        diff_to_random=difference.estimate if difference else None,
        ci_low=difference.ci_low if difference else None,
        ci_high=difference.ci_high if difference else None,
        p=difference.p if difference else None,
        seed_noise=difference.seed_noise if difference else None,
        compared_with=_words(control) if control else "",
        diff_to_length_matched=matched.estimate if matched else None,
        lm_ci_low=matched.ci_low if matched else None,
        lm_ci_high=matched.ci_high if matched else None,
        lm_p=matched.p if matched else None,
        lm_seed_noise=matched.seed_noise if matched else None,
        lm_overlap=length_control.overlap if length_control else None,
        note=_note(arm, control, difference, matched),
    )  # fmt: skip
    return ComparedArm(row, difference, matched)


def _words(arm: Arm) -> str:
    return f"{arm.group.strategy} at {arm.group.budget:,} {arm.group.unit}"


def _note(arm: Arm, control: Arm | None, difference: ArmDifference | None, matched: ArmDifference | None) -> str:
    notes = []
    if control is not None and arm.group.strategy in WITHOUT_BUDGET:
        notes.append(f"compared with {_words(control)}")
    for made, against in ((difference, ""), (matched, "against the length-matched control, ")):
        if made is not None and not made.seed_noise:
            notes.append(against + _NO_SEEDS)
        if made is not None and made.sign_p is not None and made.ci_low is None:
            notes.append(against + _NO_SPREAD)
    return "; ".join(notes)
