"""The best and worst data sets of one method, task by task.

For every model that was trained on all data sets of the grid, the score on each minus the model's mean over them: no
baseline is needed, and a model that is good at everything counts no more than another. The mean over models has
Student's interval with the model as the unit, and a Holm-corrected p over the data sets of the task. `lead` is the best
minus the second best, paired by model; where its interval holds 0, the first place is not shown. The best of many is
selected by its own score, so its estimate is somewhat too high, and the worst's somewhat too low.

Beside it, for those who trust the baselines, the mean gain: over all models with a baseline, and over those whose
baseline on this task is not suspicious.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import compress

import numpy as np

from dataselect.comparison.multiple_testing import holm
from dataselect.reports.content import Block, Plot, Section, Table, TableCell, number, text
from dataselect.reports.numbers import decimals, half_width, signed
from dataselect.run_analysis.grid import Grid, centred
from dataselect.run_analysis.presentation import (
    Entry,
    common_places,
    count_cell,
    effect_point,
    grouped,
    grouped_section,
    interval,
    interval_cell,
    overall_entries,
    p_cell,
    task_phrase,
)
from dataselect.run_analysis.run_table import OVERALL
from dataselect.run_analysis.uncertainty import Mean, mean_over

_EFFECT_HEADERS = ("Data set", "Against its model's mean (95 %)", "p", "p after Holm", "Best for", "Worst for")
_GAIN_HEADERS = ("Gain, sound baselines", "Models", "Gain, all baselines", "Models")
_TASK_HEADERS = (
    "Task", "Models", "Best", "Against the mean (95 %)", "Worst", "Against the mean (95 %)", "Lead of the best (95 %)",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class DatasetEffect:
    """One data set on one task.

    Attributes:
        effect: Score minus the model's mean over all data sets, over models.
        p_holm: Over the data sets of this task and method.
        best_in, worst_in: Models for which it is the best and the worst, ties counted for each.
        gain, trusted_gain: Score minus baseline: over all models that have one, and over those with a sound one.
    """

    dataset: str
    effect: Mean
    p_holm: float | None
    best_in: int
    worst_in: int
    gain: Mean
    trusted_gain: Mean


@dataclass(frozen=True, slots=True)
class Extremes:
    """All data sets on one task with one method, best first.

    Attributes:
        models: Those with every data set; `left_out` those without.
        lead: Best minus second best, paired by model.
    """

    task: str
    method: str
    models: tuple[str, ...]
    left_out: tuple[str, ...]
    effects: tuple[DatasetEffect, ...]
    lead: Mean


def extremes(grid: Grid, suspicious: Mapping[tuple[str, str], object]) -> Iterator[Extremes]:
    """Order the data sets of each task that two models have all of, unless all scores of a model are the same.

    Args:
        suspicious: (model, task) of suspicious baselines.
    """
    for row, task in enumerate(grid.tasks):
        whole = np.isfinite(grid.scores[row]).all(axis=1)
        if whole.sum() >= 2 and centred(grid.scores[row][whole]).any():
            sound = np.array([(model, task.name) not in suspicious for model in grid.models])
            yield _task_extremes(grid, row, whole, sound)


def _task_extremes(grid: Grid, row: int, whole: np.ndarray, sound: np.ndarray) -> Extremes:
    values, gains = centred(grid.scores[row][whole]), grid.gains[row]
    effects = [
        DatasetEffect(
            dataset=name,
            effect=mean_over(values[:, place]),
            p_holm=None,
            best_in=int(np.sum(values[:, place] == values.max(axis=1))),
            worst_in=int(np.sum(values[:, place] == values.min(axis=1))),
            gain=mean_over(gains[:, place]),
            trusted_gain=mean_over(gains[sound, place]),
        )
        for place, name in enumerate(grid.datasets)
    ]
    corrected = holm([one.effect.p for one in effects])
    effects = [replace(one, p_holm=p) for one, p in zip(effects, corrected, strict=True)]
    ordered = sorted(effects, key=lambda one: (-(one.effect.estimate or 0.0), one.dataset))
    first, second = (values[:, grid.datasets.index(one.dataset)] for one in ordered[:2])
    return Extremes(
        task=grid.tasks[row].name, method=grid.method, models=tuple(compress(grid.models, whole)),
        left_out=tuple(compress(grid.models, ~whole)), effects=tuple(ordered), lead=mean_over(first - second),
    )  # fmt: skip


def extremes_section(document: Entry) -> Section:
    """Show the mean over tasks in full for every method, then the first and the last of every task."""
    about = (
        "Score minus the mean of the same model over all data sets, averaged over models with Student's 95 % interval; "
        "the unit is the model. This needs no baseline; the gains beside it do. The lead is the best minus the second "
        "best: where its interval holds 0, the first place is not shown. Best and worst are selected by their own "
        "scores, so both estimates are somewhat too far from 0."
    )
    groups = grouped(document["extremes"], "method")
    return grouped_section("extremes", "Best and worst data sets", about, groups, _method_block)


def _method_block(place: int, method: str, found: Sequence[Entry]) -> Block:
    key = f"extremes-{place}"
    shown = next((one for one in found if one["task"] == OVERALL), found[0])
    left = {one["task"]: one["left_out"] for one in found if one["left_out"]}
    notes = tuple(
        f"Left out, lacking data sets or scores: {', '.join(names)} ({', '.join(t for t in left if left[t] == names)})."
        for names in map(list, dict.fromkeys(tuple(one) for one in left.values()))
    )
    tables = [
        _effect_table(f"{key}-main", f"{shown['task']}, {method}", shown, folded=False),
        _first_and_last(key, method, found),
        *(
            _effect_table(f"{key}-{place}", f"{one['task']}, {method}", one, folded=True)
            for place, one in enumerate(found)
            if one is not shown
        ),
    ]
    points = [
        effect_point(effect["dataset"], effect["effect"], _tone(effect["effect"]))
        for effect in shown["effects"]
        if effect["effect"]["ci_low"] is not None
    ]
    task = shown["task"]
    plot = Plot(
        f"{key}-plot", "effects", "", f"Data sets against the mean of their model, {task}; see the table below.",
        {"title": f"{task}: score minus the model's mean", "points": points},
    )  # fmt: skip
    return Block(title=method, plots=(plot,), tables=tuple(tables), notes=notes)


def _tone(mean: Entry) -> str:
    if mean["ci_low"] <= 0 <= mean["ci_high"]:
        return "none"
    return "better" if mean["estimate"] > 0 else "worse"


def _effect_table(key: str, caption: str, one: Entry, folded: bool) -> Table:
    places = common_places([effect["effect"] for effect in one["effects"]])
    gains = any(effect["gain"]["n"] for effect in one["effects"])
    rows = tuple(
        (
            text(effect["dataset"]), interval_cell(effect["effect"], places), p_cell(effect["effect"]["p"]),
            p_cell(effect["p_holm"]), count_cell(effect["best_in"]), count_cell(effect["worst_in"]),
            *(_gain_cells(effect, places) if gains else ()),
        )
        for effect in one["effects"]
    )  # fmt: skip
    headers = (*_EFFECT_HEADERS, *(_GAIN_HEADERS if gains else ()))
    return Table(key, f"{caption}, {len(one['models'])} models", headers, rows, folded=folded)


def _gain_cells(effect: Entry, places: int) -> Iterator[TableCell]:
    for mean in (effect["trusted_gain"], effect["gain"]):
        yield number(signed(mean["estimate"], places), mean["estimate"])
        yield count_cell(mean["n"])


def _first_and_last(key: str, method: str, found: Sequence[Entry]) -> Table:
    rows = []
    for one in found:
        first, last = one["effects"][0], one["effects"][-1]
        places = common_places([first["effect"], last["effect"], one["lead"]])
        cells = [cell for end in (first, last) for cell in (text(end["dataset"]), interval_cell(end["effect"], places))]
        rows.append((text(one["task"]), count_cell(len(one["models"])), *cells, interval_cell(one["lead"], places)))
    return Table(f"{key}-tasks", f"First and last on every task, {method}", _TASK_HEADERS, tuple(rows))


def extremes_sentences(document: Entry) -> Iterator[str]:
    """Name the best and the worst data set, and whether the lead is shown."""
    for one in overall_entries(document["extremes"]):
        first, last = one["effects"][0], one["effects"][-1]
        places = decimals(half_width(first["effect"]["ci_low"], first["effect"]["ci_high"]))
        lead = one["lead"]
        sure = lead["ci_low"] is not None and lead["ci_low"] > 0
        second = one["effects"][1]["dataset"]
        yield (
            f"{one['method']}, {task_phrase(one['task'])}: best is {first['dataset']}, "
            f"{interval(first['effect'], places)}, worst {last['dataset']}, {interval(last['effect'], places)}, "
            f"each against the mean of its model, over {len(one['models'])} models. The lead over {second} is "
            f"{'' if sure else 'not '}shown: {interval(lead, places)}."
        )
