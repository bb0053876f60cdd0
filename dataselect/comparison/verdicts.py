"""Verdicts: p values corrected table by table, and what each difference shows, in words.

A table is what a reader searches for the best: all candidates at all budgets on one task in one metric, against
random and against their length-matched controls. All of these differences are one family: the chance that
any of them gets a false "better" or "worse" is 5 % at most. Controls and references (`controls.role`) are not in it and
get no verdict. The corrected p decides; the interval stays that of the single difference, and the note of a row says
where the two disagree.

There is no verdict without two seeds on either side: the noise of a side's seeds is unknown, and the difference may be
nothing else. There is none against a length-matched control that holds nearly the same rows. A strategy that is better
than random, but not than random examples of the same lengths, has a warning as its note.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from dataselect.comparison.controls import Role
from dataselect.comparison.intervals import CONFIDENCE, ArmDifference
from dataselect.comparison.multiple_testing import corrected_p
from dataselect.records import Direction

BETTER, WORSE, NOT_SHOWN = "better", "worse", "no difference shown"
IS_CONTROL = "control"
REFERENCE = "a reference, not a candidate"
NO_CONTROL = "no random control: not compared"
ONE_ITEM = "one item: not compared"
ONE_SEED = "no verdict: one seed"
SAME_ROWS = "no verdict: the control is the selection"
MOST_SHARED = 0.9
"""Share of a length-matched control's rows that may be the selection's own, from which on the two are the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparisonRow:
    """One strategy at one budget on one task in one metric, beside its controls.

    Attributes:
        role: "candidate", "control", or "reference" (untrained, full): only candidates have verdicts.
        n_seeds: Runs behind the estimate.
        estimate: The metric, mean over items and seeds.
        diff_to_random: Strategy minus random, in units of the metric, with its 95 % interval and p.
        p_holm: p corrected for all differences of the table; None for what is no candidate.
        tests: How many p values it was corrected for, those against length-matched controls included; else 0.
        detectable: The effect that would have been shown in 80 % of such experiments; None without a test.
        p_permutation: Of the permutation test over items, for these trained models as they are.
        boot_low, boot_high: 95 % percentile bootstrap interval over items and seeds.
        effect_size: The difference per item over its standard deviation (Cohen's d_z).
        compared_with: The control of that difference, in words ("random at 120 examples"); empty without one.
        verdict: "better" or "worse" than random, "no difference shown", "control", or why there is none.
        seed_noise: Whether the noise of seeds is in the interval; None where nothing was compared.
        diff_to_length_matched: The same against the strategy's own length-matched control.
        lm_overlap: Share of that control's rows that are rows of the strategy's selection; None where not recorded.
        note: What a reader must know about this row; empty where nothing is unusual.
    """

    strategy: str
    budget: int
    unit: str
    role: Role
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
    p_holm: float | None = None
    tests: int = 0
    detectable: float | None = None
    p_permutation: float | None = None
    boot_low: float | None = None
    boot_high: float | None = None
    effect_size: float | None = None
    seed_noise: bool | None
    verdict: str = ""
    compared_with: str
    diff_to_length_matched: float | None
    lm_ci_low: float | None
    lm_ci_high: float | None
    lm_p: float | None
    lm_p_holm: float | None = None
    lm_detectable: float | None = None
    lm_seed_noise: bool | None
    lm_overlap: float | None
    lm_verdict: str | None = None
    note: str


@dataclass(frozen=True, slots=True)
class ComparedArm:
    """A row without verdicts, and the differences that decide them.

    Attributes:
        against_random, against_lengths: None without such a control.
    """

    row: ComparisonRow
    against_random: ArmDifference | None
    against_lengths: ArmDifference | None

    @property
    def tested(self) -> tuple[ArmDifference | None, ArmDifference | None]:
        """The differences that count as tests."""
        same = self.row.lm_overlap is not None and self.row.lm_overlap >= MOST_SHARED
        return self.against_random, None if same else self.against_lengths


def with_verdicts(compared: Sequence[ComparedArm]) -> list[ComparisonRow]:
    """The rows with corrected p values and verdicts, in the same order."""
    rows = [one.row for one in compared]
    for table in dict.fromkeys((row.task, row.metric) for row in rows):
        places = [n for n, row in enumerate(rows) if (row.task, row.metric) == table and row.role == "candidate"]
        corrected = corrected_p([difference for n in places for difference in compared[n].tested])
        tests = sum(p is not None for p in corrected)
        for place, p, lm_p in zip(places, corrected[::2], corrected[1::2], strict=True):
            rows[place] = _with_verdict(compared[place], p, lm_p, tests)
    others = {"control": IS_CONTROL, "reference": REFERENCE}
    return [row if row.role == "candidate" else replace(row, verdict=others[row.role]) for row in rows]


def _with_verdict(one: ComparedArm, p: float | None, lm_p: float | None, tests: int) -> ComparisonRow:
    """The row with its verdicts in words, in the metric's own direction."""
    row, (difference, matched) = one.row, one.tested
    if one.against_lengths is None:
        lm_verdict = None
    else:
        lm_verdict = SAME_ROWS if matched is None else _verdict(matched, lm_p, row.direction)
    verdict = _verdict(difference, p, row.direction)
    notes = (
        row.note,
        _length_note(row, verdict, lm_verdict),
        _corrected_note(difference, p, tests),
        _corrected_note(matched, lm_p, tests, "against the length-matched control, "),
    )
    return replace(
        row, p_holm=p, lm_p_holm=lm_p, tests=0 if p is None and lm_p is None else tests,
        verdict=verdict, lm_verdict=lm_verdict, note="; ".join(filter(None, notes)),
    )  # fmt: skip


def _verdict(difference: ArmDifference | None, corrected: float | None, direction: Direction) -> str:
    if difference is None:
        return NO_CONTROL
    if not difference.seed_noise:
        return ONE_SEED
    if corrected is None:
        return ONE_ITEM
    if corrected >= 1 - CONFIDENCE:
        return NOT_SHOWN
    return BETTER if (difference.estimate > 0) == (direction == "higher") else WORSE


def _length_note(row: ComparisonRow, verdict: str, lm_verdict: str | None) -> str:
    """Warn where a win over random is not one over random examples of the same lengths."""
    if verdict != BETTER or lm_verdict not in (NOT_SHOWN, WORSE) or row.diff_to_length_matched is None:
        return ""
    shown = f"is {lm_verdict}" if lm_verdict == WORSE else "is not shown to be better"
    return (
        f"warning: better than random, but {shown} than random examples of the same lengths: the lengths may be all "
        f"that helped (difference {row.diff_to_random:+.3g} to random, {row.diff_to_length_matched:+.3g} to these)"
    )


def _corrected_note(difference: ArmDifference | None, corrected: float | None, tests: int, against: str = "") -> str:
    if difference is None or corrected is None or difference.p is None:
        return ""
    if not difference.p < 1 - CONFIDENCE <= corrected:
        return ""
    return (
        f"{against}by itself p is {difference.p:.2g} and the interval excludes zero, but {tests} tests side by side "
        f"give such differences by chance (corrected p: {corrected:.2g})"
    )
