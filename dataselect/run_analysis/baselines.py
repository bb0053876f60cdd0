"""Baselines that a gain should not be measured against.

A base model that answers in another format than the evaluation reads scores near nothing, whatever it knows; any
training that teaches the format then looks like knowledge. A baseline is suspicious where

    copied          its scores are also those of another row (`copied_rows`)
    at the floor    it is within 1 % of the lowest end of the declared scale, and half of the model's runs are not
    below guessing  it is below half of what guessing gives (declared `chance`): wrong more often than a coin
    always beaten   at least ten runs of the model all exceed it: any data at all would have helped

The first three are serious findings. The last happens to good baselines too, and is a note; gains are given with and
without the suspicious baselines of the first three kinds, beside statistics that need no baseline.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from dataselect.run_analysis.config import AnalyzeConfig
from dataselect.run_analysis.copied_rows import copied_cells
from dataselect.run_analysis.findings import Finding, counted, listed
from dataselect.run_analysis.grid import baseline_rows
from dataselect.run_analysis.run_table import RunTable, TaskColumn

COPIED, FLOOR, GUESSING = "copied", "at the floor", "below guessing"
ALWAYS_BEATEN = "always beaten"
_FLOOR = 0.01
_MIN_RUNS = 10


@dataclass(frozen=True, slots=True)
class SuspiciousBaseline:
    """One model's baseline on one task, as it stands in the table, and why it is suspicious."""

    model: str
    task: str
    value: float
    reasons: tuple[str, ...]
    median_of_runs: float | None
    runs: int


def suspicious_baselines(table: RunTable, config: AnalyzeConfig) -> tuple[SuspiciousBaseline, ...]:
    """List every suspicious baseline, by model and task."""
    base = baseline_rows(table, config)
    copied = copied_cells(table)
    found = []
    for model in dict.fromkeys(m for m, is_base in zip(table.models, base, strict=True) if is_base):
        mine = np.array(table.models) == model
        for place, task in enumerate(table.tasks):
            one = _judge(table, task, place, mine & base, mine & ~base, copied)
            if one is not None:
                found.append(one)
    return tuple(found)


def _judge(
    table: RunTable, task: TaskColumn, place: int, base: np.ndarray, trained: np.ndarray, copied: set[tuple[int, int]]
) -> SuspiciousBaseline | None:
    values = table.scores[place]
    here = np.flatnonzero(base & np.isfinite(values))
    if not len(here):
        return None
    value = float(values[here].mean())
    runs = values[trained & np.isfinite(values)]
    reasons = []
    if any((place, int(row)) in copied for row in here):
        reasons.append(COPIED)
    if task.scale is not None and len(runs):
        floor = task.scale[0] + _FLOOR * (task.scale[1] - task.scale[0])
        if task.direction == "higher" and value <= floor < np.median(runs):
            reasons.append(FLOOR)
    if task.chance is not None and task.direction == "higher" and value < task.chance / 2:
        reasons.append(GUESSING)
    if len(runs) >= _MIN_RUNS and (task.sign * runs > task.sign * value).all():
        reasons.append(ALWAYS_BEATEN)
    if not reasons:
        return None
    median = float(np.median(runs)) if len(runs) else None
    return SuspiciousBaseline(table.models[int(here[0])], task.name, value, tuple(reasons), median, len(runs))


def untrusted(found: tuple[SuspiciousBaseline, ...]) -> Mapping[tuple[str, str], SuspiciousBaseline]:
    """Return the suspicious baselines that gains should not rest on, by (model, task)."""
    return {(one.model, one.task): one for one in found if set(one.reasons) - {ALWAYS_BEATEN}}


def baseline_findings(
    table: RunTable, config: AnalyzeConfig, found: tuple[SuspiciousBaseline, ...]
) -> Iterator[Finding]:
    """Report what a reader must know about the baselines."""
    if not config.baseline:
        yield Finding("no baseline", "note", "no baseline is named: gains are not computed, scores within models are")
        return
    base = baseline_rows(table, config)
    with_one = [m for m, is_base in zip(table.models, base, strict=True) if is_base]
    without = [m for m in dict.fromkeys(table.models) if m not in with_one]
    if without:
        text = f"no baseline of {listed(without)}: their runs have no gain"
        yield Finding("missing baseline", "serious", text, (), (), len(without))
    twice = [m for m in dict.fromkeys(with_one) if with_one.count(m) > 1]
    if twice:
        text = f"several baselines of {listed(twice)}: their mean is used"
        yield Finding("several baselines", "note", text, (), (), len(twice))
    for reason in (COPIED, FLOOR, GUESSING, ALWAYS_BEATEN):
        yield from _by_reason(reason, [one for one in found if reason in one.reasons])


def _by_reason(reason: str, found: list[SuspiciousBaseline]) -> Iterator[Finding]:
    for task in dict.fromkeys(one.task for one in found) if reason != COPIED else ():
        those = [one for one in found if one.task == task]
        text = listed([f"{one.model} {one.value:.3g}" for one in those], 12)
        yield Finding(
            f"baseline {reason}", "note" if reason == ALWAYS_BEATEN else "serious",
            f"{task}: the baseline is {reason} for {counted(len(those), 'model')} ({text}); {_MEANING[reason]}",
            (), (task,), len(those),
        )  # fmt: skip
    if reason == COPIED:
        for model in dict.fromkeys(one.model for one in found):
            tasks = [one.task for one in found if one.model == model]
            on = counted(len(tasks), "task")
            text = f"the baseline of {model} is the same as another row on {on}: gains on them rest on a copy"
            yield Finding("baseline copied", "serious", text, (), tuple(tasks), len(tasks))


_MEANING = {
    FLOOR: "a gain may only say that answers became readable",
    GUESSING: "a model that guessed would be above it, so the base model's answers were hardly read",
    ALWAYS_BEATEN: "each of their runs is above it, whatever it was trained on",
}
