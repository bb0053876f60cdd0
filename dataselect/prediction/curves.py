"""How scores move along a column of numbers, such as the epochs of one mixture.

At every value of the column, the score minus the score of the same model and data set at the lowest value, averaged per
model; the mean over models has Student's interval with the model as the unit. All points use the same models, those
that have every value of the column, so that the curve's shape is no change of company. A model that is trained further
is not drawn anew: neighbouring points go together, and an interval belongs to its own point alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from dataselect.errors import ConfigError
from dataselect.prediction.config import AnalyzeConfig, CurveConfig
from dataselect.prediction.grid import OVERALL, baseline_rows, divided, spread
from dataselect.prediction.means import Mean, mean_over
from dataselect.prediction.table import Floats, RunTable


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
        unit: Spread of the scores around their models' means, to set tasks beside each other.
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
    """Every curve on every task.

    Raises:
        ConfigError: If the column of a curve holds something else than numbers.
    """
    return tuple(one for name, curve in config.curves.items() for one in _curve(table, config, name, curve))


def _curve(table: RunTable, config: AnalyzeConfig, name: str, curve: CurveConfig) -> Iterator[Curve]:
    rows = table.rows(table.matching(curve.where) & ~baseline_rows(table, config))
    places = _numbers(rows, name, curve.x)
    values = sorted(set(places))
    models = tuple(dict.fromkeys(rows.models))
    if len(values) < 2:
        return
    counted = []
    for row, task in enumerate(table.tasks):
        scores = _by_model(rows, rows.scores[row] * task.sign, places, models, values)
        unit = _unit(scores)
        if task.overall and unit:
            counted.append(_moved(scores) / unit)
        yield from _made(name, curve.x, task.name, models, values, scores, unit, len(rows))
    if len(counted) > 1:
        yield from _made(name, curve.x, OVERALL, models, values, np.mean(counted, axis=0), 1.0, len(rows))


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
    """(n_models, n_values): means over data sets that have every value of the column under the model."""
    datasets = tuple(dict.fromkeys(rows.datasets))
    sums, counts = np.zeros((2, len(models), len(datasets), len(values)))
    for row in np.flatnonzero(np.isfinite(scores)):
        cell = models.index(rows.models[row]), datasets.index(rows.datasets[row]), values.index(places[row])
        sums[cell] += scores[row]
        counts[cell] += 1
    cube = divided(sums, counts)
    whole = np.asarray(np.isfinite(cube).all(axis=2))
    found = whole.sum(axis=1)[:, None]
    totals = np.where(whole[:, :, None], cube, 0.0).sum(axis=1)
    return divided(totals, found)


def _moved(scores: Floats) -> Floats:
    moved: Floats = scores - scores.mean(axis=1, keepdims=True)
    return moved


def _unit(scores: Floats) -> float | None:
    size = spread(_moved(scores))
    return size if size > 0 else None


def _made(
    name: str, x: str, task: str, models: tuple[str, ...], values: list[float], scores: Floats, unit: float | None,
    runs: int,
) -> Iterator[Curve]:  # fmt: skip
    whole = np.isfinite(scores).all(axis=1)
    if not whole.any():
        return
    kept = scores[whole]
    points = tuple(
        CurvePoint(value, float(kept[:, at].mean()), mean_over(kept[:, at] - kept[:, 0]))
        for at, value in enumerate(values)
    )
    here, missing = ([models[i] for i in np.flatnonzero(mask)] for mask in (whole, ~whole))
    best = max(points, key=lambda point: point.score).x
    yield Curve(name, x, task, tuple(here), tuple(missing), runs, unit, points, best)
