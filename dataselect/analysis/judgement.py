"""What the differences of a comparison amount to: p values corrected table by table, and verdicts in words.

A table is what a reader looks over for the best: all strategies at all budgets on one task in one metric. Controls are
not corrected for, because nobody chooses them for being the best. The corrected p decides the verdict; the interval
stays that of the single difference, and the note of a row says where the two disagree.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from dataselect.analysis.controls import is_control
from dataselect.analysis.families import holm
from dataselect.analysis.intervals import CONFIDENCE
from dataselect.records import Direction

BETTER, WORSE, NOT_SHOWN = "better", "worse", "no difference shown"
IS_CONTROL = "control"
NO_CONTROL = "no random control: not compared"
ONE_ITEM = "one item: not compared"


@dataclass(frozen=True, slots=True)
class Row:
    """One strategy at one budget on one task in one metric, beside its controls.

    Attributes:
        n_seeds: Runs behind the estimate.
        estimate: The metric, mean over items and seeds.
        diff_to_random: Strategy minus random, in units of the metric, with its 95 % interval and p.
        p_holm: p corrected for all strategies of the table; None for controls.
        tests: How many p values it was corrected for; 0 for controls.
        p_permutation: Of the permutation test over items, for these trained models as they are.
        boot_low, boot_high: 95 % percentile bootstrap interval over items and seeds.
        effect_size: The difference per item over its standard deviation (Cohen's d_z).
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
    p_holm: float | None
    tests: int
    p_permutation: float | None
    boot_low: float | None
    boot_high: float | None
    effect_size: float | None
    seed_noise: bool | None
    verdict: str
    compared_with: str
    diff_to_length_matched: float | None
    lm_ci_low: float | None
    lm_ci_high: float | None
    lm_p: float | None
    lm_p_holm: float | None
    lm_seed_noise: bool | None
    lm_verdict: str | None
    note: str


def judged(rows: Sequence[Row]) -> list[Row]:
    """The rows with corrected p values and verdicts, in the same order."""
    return [_judged(row) for row in _corrected(rows)]


def _corrected(rows: Sequence[Row]) -> list[Row]:
    """The rows with their p values corrected, table by table."""
    made = list(rows)
    for table in {(row.task, row.metric) for row in rows}:
        places = [n for n, row in enumerate(rows) if (row.task, row.metric) == table and not is_control(row.strategy)]
        tests = sum(rows[place].p is not None for place in places)
        corrected, matched = holm([rows[n].p for n in places]), holm([rows[n].lm_p for n in places])
        for place, p, lm_p in zip(places, corrected, matched, strict=True):
            made[place] = replace(rows[place], p_holm=p, lm_p_holm=lm_p, tests=0 if p is None else tests)
    return made


def _judged(row: Row) -> Row:
    """The row with its verdicts in words, in the metric's own direction."""
    told = row.verdict or _verdict(row.diff_to_random, row.p, row.p_holm, row.direction)
    matched = _verdict(row.diff_to_length_matched, row.lm_p, row.lm_p_holm, row.direction)
    return replace(row, verdict=told, lm_verdict=None if matched == NO_CONTROL else matched, note=_corrected_note(row))


def _verdict(difference: float | None, p: float | None, corrected: float | None, direction: Direction) -> str:
    if difference is None:
        return NO_CONTROL
    if p is None:
        return ONE_ITEM
    if (p if corrected is None else corrected) >= 1 - CONFIDENCE:
        return NOT_SHOWN
    return BETTER if (difference > 0) == (direction == "higher") else WORSE


def _corrected_note(row: Row) -> str:
    if row.p is None or row.p_holm is None or not row.p < 1 - CONFIDENCE <= row.p_holm:
        return row.note
    told = f"by itself p is {row.p:.2g}, which {row.tests} tests side by side give by chance (Holm: {row.p_holm:.2g})"
    return "; ".join(filter(None, (row.note, told)))
