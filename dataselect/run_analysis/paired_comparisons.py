"""Paired comparison of runs that differ in one column only: LoRA against full fine-tuning, 20k against 1k.

A pair is two runs with the same model, data set and conditions but for the compared column; several runs of a side
(seeds) are averaged. The difference is second minus first, in the task's own direction: above 0 the second is better.
No baseline is needed.

Pairs of one model are not independent, nor are pairs of one data set. So there are two intervals, Student's over the
means of the models and over the means of the data sets, and a difference is shown only where both exclude 0: p is the
larger of the two. An interval over three models is wide because three models say little about others; that over data
sets holds for these models only.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from dataselect.comparison.multiple_testing import holm
from dataselect.reports.content import Block, Plot, Section, Table, TableCell, text
from dataselect.reports.numbers import signed
from dataselect.run_analysis.association import LEVEL
from dataselect.run_analysis.config import AnalyzeConfig, PairConfig
from dataselect.run_analysis.grid import baseline_rows, known_means, spread
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
from dataselect.run_analysis.run_table import OVERALL, Floats, RunTable, cell_matches
from dataselect.run_analysis.uncertainty import Mean, mean_over

_TONES = {"second better": "better", "second worse": "worse"}


@dataclass(frozen=True, slots=True)
class PairedComparison:
    """Second minus first on one task.

    Attributes:
        comparison: Its name; `second` and `first` are the values compared.
        estimate: Mean over the pairs.
        unit: Spread of the scores of these runs around their models' means, which makes tasks comparable.
        over_models, over_datasets: The means of each model, or of each data set, averaged, with intervals.
        positive: Pairs in which the second is better.
        p: The larger of the two; `p_holm` over the single tasks of the comparison. The mean over tasks is a test
            of its own.
    """

    comparison: str
    second: str
    first: str
    task: str
    n: int
    estimate: float
    unit: float | None
    positive: int
    over_models: Mean
    over_datasets: Mean
    p: float | None
    p_holm: float | None = None


def paired_comparisons(table: RunTable, config: AnalyzeConfig) -> tuple[PairedComparison, ...]:
    """Make every comparison on every task that has a pair."""
    found: list[PairedComparison] = []
    for name, pair in config.comparisons.items():
        made = list(_comparison(table, config, name, pair))
        single = [one for one in made if one.task != OVERALL]
        found += [replace(one, p_holm=p) for one, p in zip(single, holm([one.p for one in single]), strict=True)]
        found += [replace(one, p_holm=one.p) for one in made if one.task == OVERALL]
    return tuple(found)


def _comparison(table: RunTable, config: AnalyzeConfig, name: str, pair: PairConfig) -> Iterator[PairedComparison]:
    rows = table.rows(table.matching(pair.where) & ~baseline_rows(table, config))
    sides = [_side(rows, pair.column, wanted) for wanted in (pair.first, pair.second)]
    keys = [key for key in sides[0] if key in sides[1]]
    if not keys:
        return
    values = np.array([[side[key] for key in keys] for side in sides]).transpose(0, 2, 1)
    models, datasets = (np.array([key[place] for key in keys]) for place in (0, 1))
    scaled, counted = [], []
    for row, task in enumerate(table.tasks):
        difference = values[1, row] - values[0, row]
        if np.isfinite(difference).any():
            unit = _unit(values[:, row], models)
            scaled.append((task.name, difference, unit))
            if task.overall and unit:
                counted.append(difference / unit)
    if len(counted) > 1:
        scaled.append((OVERALL, np.mean(counted, axis=0), 1.0))
    for task_name, difference, unit in scaled:
        if np.isfinite(difference).any():
            yield _difference(name, pair, task_name, difference, unit, models, datasets)


def _side(rows: RunTable, column: str, wanted: object) -> Mapping[tuple[str, ...], Floats]:
    """Return the (n_tasks,) mean score of the runs on one side by the key of their pair."""
    others = [name for name in rows.labels if name not in (column, rows.model, rows.data)]
    found: dict[tuple[str, ...], list[int]] = {}
    for row, cell in enumerate(rows.labels[column]):
        if cell_matches(cell, wanted):
            key = (rows.models[row], rows.datasets[row], *(rows.labels[name][row] for name in others))
            found.setdefault(key, []).append(row)
    return {key: known_means(rows.oriented[:, places], axis=1) for key, places in found.items()}


def _unit(sides: Floats, models: np.ndarray) -> float | None:
    """Return the spread of (2, n_pairs) scores around the means of their models, over complete pairs."""
    whole = np.isfinite(sides).all(axis=0)
    moved = [sides[:, whole & (models == m)] for m in dict.fromkeys(models)]
    return spread(np.concatenate([(one - one.mean()).ravel() for one in moved if one.size] or [np.zeros(0)]))


def _difference(
    name: str, pair: PairConfig, task: str, difference: Floats, unit: float | None, models: np.ndarray,
    datasets: np.ndarray,
) -> PairedComparison:  # fmt: skip
    known = np.isfinite(difference)
    values = difference[known]
    by_model, by_dataset = (mean_over(_unit_means(values, units[known])) for units in (models, datasets))
    tested = [one.p for one in (by_model, by_dataset) if one.p is not None]
    return PairedComparison(
        comparison=name, second=str(pair.second), first=str(pair.first), task=task, n=len(values),
        estimate=float(values.mean()), unit=unit, positive=int(np.sum(values > 0)), over_models=by_model,
        over_datasets=by_dataset, p=max(tested) if len(tested) == 2 else None,
    )  # fmt: skip


def _unit_means(values: Floats, units: np.ndarray) -> Floats:
    return np.array([values[units == one].mean() for one in dict.fromkeys(units)])


def comparison_section(document: Entry) -> Section:
    """Show a plot and a table for every comparison."""
    about = (
        "Second minus first in the task's own direction, between runs that differ in nothing else. Pairs of one model, "
        "or of one data set, are not independent: each difference has an interval over models and one over data sets, "
        "and p is the larger of the two: shown means shown for both. The plot is in standard deviations of these runs' "
        "scores around their models' means."
    )
    groups = grouped(document["comparisons"], "comparison")
    return grouped_section("comparisons", "Paired comparisons", about, groups, _comparison_block)


def _comparison_block(place: int, name: str, found: Sequence[Entry]) -> Block:
    key = f"comparison-{place}"
    headers = (
        "Task", "Pairs", "Second better in", "Difference, over models (95 %)", "Models",
        "Difference, over data sets (95 %)", "Data sets", "p", "p after Holm", "Verdict",
    )  # fmt: skip
    points = [
        effect_point(one["task"], one["over_models"], _TONES.get(comparison_verdict(one), "none"), one["unit"])
        for one in found
        if one["unit"] and one["over_models"]["ci_low"] is not None
    ]
    plot = Plot(
        f"{key}-plot", "effects", "", f"{name}: differences in standard deviations with 95 % intervals over models.",
        {"title": "second minus first, standard deviations", "points": points},
    )  # fmt: skip
    return Block(
        title=name,
        paragraphs=(f"First: {found[0]['first']}; second: {found[0]['second']}.",),
        plots=(plot,) if points else (),
        tables=(Table(key, name, headers, tuple(map(_comparison_cells, found))),),
    )


def _comparison_cells(one: Entry) -> tuple[TableCell, ...]:
    by_model, by_dataset, verdict = one["over_models"], one["over_datasets"], comparison_verdict(one)
    places = common_places([by_model, by_dataset], one["estimate"])
    return (
        text(one["task"]), count_cell(one["n"]), count_cell(one["positive"]), interval_cell(by_model, places),
        count_cell(by_model["n"]), interval_cell(by_dataset, places), count_cell(by_dataset["n"]), p_cell(one["p"]),
        p_cell(one["p_holm"]), TableCell(verdict, verdict, _TONES.get(verdict, "none")),
    )  # fmt: skip


def comparison_verdict(one: Entry) -> str:
    """Return what a comparison shows after Holm's correction; p is already the larger of the two units'."""
    if one["p_holm"] is None:
        return "too few units"
    if one["p_holm"] >= LEVEL:
        return "no difference shown"
    return "second better" if one["estimate"] > 0 else "second worse"


def comparison_sentences(document: Entry) -> Iterator[str]:
    """State what each paired comparison shows."""
    for one in overall_entries(document["comparisons"]):
        over_models, over_datasets = one["over_models"], one["over_datasets"]
        yield (
            f"{one['comparison']}, {task_phrase(one['task'])}: {signed(one['estimate'], 2)} over {one['n']} pairs, "
            f"{interval(over_models, 2)} over {over_models['n']} models and {interval(over_datasets, 2)} over "
            f"{over_datasets['n']} data sets: {comparison_verdict(one)}."
        )
