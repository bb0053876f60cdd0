"""Curves of scores along a column of numbers, such as the epochs of one mixture.

At every value of the column, the score minus the score of the same model and data set at the lowest value, averaged per
model; the mean over models has Student's interval with the model as the unit. All points use the same models, those
that have every value of the column, so that the curve's shape does not come from a change of models. Training a model
further does not make it another sample: neighbouring points are correlated, and an interval belongs to its own point.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import compress

import numpy as np

from dataselect.errors import ConfigError
from dataselect.reports.content import Block, Plot, Section, Table, TableCell, number, text
from dataselect.reports.numbers import ABSENT, signed
from dataselect.run_analysis.config import AnalyzeConfig, CurveConfig
from dataselect.run_analysis.grid import baseline_rows, divided, spread
from dataselect.run_analysis.presentation import (
    Entry,
    common_places,
    count_cell,
    grouped,
    interval,
    overall_entries,
    overall_first,
    task_phrase,
)
from dataselect.run_analysis.run_table import OVERALL, Floats, RunTable
from dataselect.run_analysis.uncertainty import Mean, mean_over


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """One value of the column: the mean score over models, and the change since the lowest value."""

    x: float
    score: float
    change: Mean


@dataclass(frozen=True, slots=True)
class Curve:
    """One curve on one task, more is better.

    Attributes:
        x: Name of the column.
        models: Those with every point; `left_out` those without.
        runs: Rows of the table behind it; several at one point are averaged.
        unit: Spread of the scores around their models' means, which makes tasks comparable.
        best_x: Where the mean score is highest.
    """

    name: str
    x: str
    task: str
    models: tuple[str, ...]
    left_out: tuple[str, ...]
    runs: int
    unit: float | None
    points: tuple[CurvePoint, ...]
    best_x: float


def curves(table: RunTable, config: AnalyzeConfig) -> tuple[Curve, ...]:
    """Make every curve on every task.

    Raises:
        ConfigError: If the column of a curve holds something else than numbers.
    """
    return tuple(one for name, curve in config.curves.items() for one in _curves(table, config, name, curve))


def _curves(table: RunTable, config: AnalyzeConfig, name: str, curve: CurveConfig) -> Iterator[Curve]:
    """Make one curve on every task, and on the mean over tasks."""
    rows = table.rows(table.matching(curve.where) & ~baseline_rows(table, config))
    places = _numbers(rows, name, curve.x)
    values = sorted(set(places))
    models = tuple(dict.fromkeys(rows.models))
    if len(values) < 2:
        return
    counted, found = [], []
    for task, oriented in zip(table.tasks, rows.oriented, strict=True):
        scores = _by_model(rows, oriented, places, models, values)
        moved = scores - scores.mean(axis=1, keepdims=True)
        unit = spread(moved)
        if task.overall and unit:
            counted.append(moved / unit)
        found.append((task.name, scores, unit))
    if len(counted) > 1:
        found.append((OVERALL, np.mean(counted, axis=0), 1.0))
    for task_name, scores, unit in found:
        whole = np.asarray(np.isfinite(scores).all(axis=1))
        if whole.any():
            points = _curve_points(values, scores[whole])
            yield Curve(
                name=name, x=curve.x, task=task_name, models=tuple(compress(models, whole)),
                left_out=tuple(compress(models, ~whole)), runs=len(rows), unit=unit, points=points,
                best_x=max(points, key=lambda point: point.score).x,
            )  # fmt: skip


def _numbers(rows: RunTable, name: str, column: str) -> list[float]:
    try:
        return [float(cell) for cell in rows.labels[column]]
    except ValueError as error:
        raise ConfigError(
            f"curves.{name}: {column!r} holds something else than numbers: {error}", "narrow it down with where"
        ) from None


def _by_model(
    rows: RunTable, scores: Floats, places: list[float], models: tuple[str, ...], values: list[float]
) -> Floats:
    """Return (n_models, n_values) means over the data sets that have every value of the column under the model."""
    datasets = tuple(dict.fromkeys(rows.datasets))
    sums, counts = np.zeros((2, len(models), len(datasets), len(values)))
    for row in np.flatnonzero(np.isfinite(scores)):
        cell = models.index(rows.models[row]), datasets.index(rows.datasets[row]), values.index(places[row])
        sums[cell] += scores[row]
        counts[cell] += 1
    cube = divided(sums, counts)
    whole = np.asarray(np.isfinite(cube).all(axis=2))
    totals = np.where(whole[:, :, None], cube, 0.0).sum(axis=1)
    return divided(totals, whole.sum(axis=1)[:, None])


def _curve_points(values: list[float], scores: Floats) -> tuple[CurvePoint, ...]:
    return tuple(
        CurvePoint(value, float(scores[:, at].mean()), mean_over(scores[:, at] - scores[:, 0]))
        for at, value in enumerate(values)
    )


def curve_section(document: Entry) -> Section:
    """Show one plot for all curves along the same column, with a choice of the task, and a table for each curve."""
    about = (
        "Change since the lowest value, for the same model, averaged over models with Student's 95 % interval; all "
        "points of a curve are over the same models. Neighbouring points share their runs' history and are correlated."
    )
    blocks = [Block(paragraphs=(about,))]
    for place, (x, found) in enumerate(grouped(document["curves"], "x").items()):
        series = [
            {"amount": one["task"], "label": one["name"], "points": list(map(_plot_point, one["points"]))}
            for one in overall_first(found)
        ]
        plot = Plot(
            f"curve-{place}-plot", "curves", "", f"Change along {x}; the numbers are in the tables below.",
            {"x": x, "series": series, "choice": "Task"},
        )  # fmt: skip
        tables = tuple(
            _curve_table(f"curve-{place}-{n}", name, those)
            for n, (name, those) in enumerate(grouped(found, "name").items())
        )
        blocks.append(Block(title=f"Along {x}", plots=(plot,), tables=tables))
    return Section("curves", "Curves", tuple(blocks))


def _plot_point(point: Entry) -> list[float | None]:
    return [point["x"], *(point["change"][key] for key in ("estimate", "ci_low", "ci_high"))]


def _curve_table(key: str, name: str, found: Sequence[Entry]) -> Table:
    values = list(dict.fromkeys(point["x"] for one in found for point in one["points"]))
    headers = ("Task", "Models", f"Highest at {found[0]['x']}", *(f"{value:g}" for value in values))
    rows = []
    for one in found:
        changes = {point["x"]: point["change"] for point in one["points"]}
        places = common_places(list(changes.values()))
        cells = [_change_cell(changes.get(value), places) for value in values]
        best = number(f"{one['best_x']:g}", one["best_x"])
        rows.append((text(one["task"]), count_cell(len(one["models"])), best, *cells))
    return Table(key, f"Change since {values[0]:g}: {name}", headers, tuple(rows))


def _change_cell(change: Entry | None, places: int) -> TableCell:
    if change is None:
        return number(ABSENT, None)
    shown, low, high = (signed(change[key], places) for key in ("estimate", "ci_low", "ci_high"))
    if change["ci_low"] is not None and change["ci_low"] != change["ci_high"]:
        shown += f" ({low} to {high})"
    return number(shown, change["estimate"])


def curve_sentences(document: Entry) -> Iterator[str]:
    """State where each curve is highest."""
    for one in overall_entries(document["curves"]):
        best = next(point for point in one["points"] if point["x"] == one["best_x"])
        last = one["points"][-1]
        yield (
            f"{one['name']}, {task_phrase(one['task'])}: highest at {one['x']} {best['x']:g}, "
            f"{interval(best['change'], 2)} since {one['x']} {one['points'][0]['x']:g}; at {last['x']:g} "
            f"{interval(last['change'], 2)}, over {len(one['models'])} models."
        )
