"""How well a simple regression predicts a model that it has not seen.

For every model in turn, scikit-learn's linear regression is fitted on all other models and predicts that one. What is
predicted is which data helps: score minus the model's own mean over its data sets, for which no baseline is needed; and
where there are baselines also the gain itself. Predictors:

    a property       as it is for gains, minus the model's own mean where the score is too
    all properties   together, where there are several
    data set         the mean of the other models on the same data set: what a table of other models' results is worth

The yardstick is a prediction without any predictor: 0 for centred scores, the mean gain of the other models for gains.

    skill = 1 - sum of squared errors / the same of the yardstick

0 says no better than the yardstick, below 0 worse, 1 perfect. Its interval is over models (drawn anew with their
errors; the fits stay as they are), None below five models.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from dataselect.prediction.config import AnalyzeConfig
from dataselect.prediction.grid import Grid, centred
from dataselect.prediction.resampling import MIN_UNITS, central, drawn_counts, generator
from dataselect.prediction.table import Floats
from dataselect.registry import require

DATASET, ALL_PROPERTIES = "data set", "all properties"
MIN_MODELS = 3
Target = Literal["centred score", "gain"]


@dataclass(frozen=True, slots=True)
class LeftOutModel:
    """One model that was predicted from the others: root mean squared errors over its `n` data sets."""

    model: str
    n: int
    rmse: float
    rmse_without: float


@dataclass(frozen=True, slots=True)
class Prediction:
    """One predictor of one task in one method.

    Attributes:
        needs_baseline: Whether the target rests on baselines.
        rmse, rmse_without: Over all runs, with the predictor and with the yardstick.
        skill: See the module; None where the yardstick makes no error.
    """

    predictor: str
    target: Target
    task: str
    method: str
    needs_baseline: bool
    n: int
    n_models: int
    rmse: float
    rmse_without: float
    skill: float | None
    ci_low: float | None
    ci_high: float | None
    models: tuple[LeftOutModel, ...]


def predictions(grid: Grid, config: AnalyzeConfig) -> Iterator[Prediction]:
    """All predictors of all tasks of a grid, where at least three models have both."""
    for row, task in enumerate(grid.tasks):
        targets: list[tuple[Target, Floats]] = [("centred score", grid.scores[row]), ("gain", grid.gains[row])]
        for target, values in targets:
            for name, columns in _predictors(grid):
                known = np.isfinite(values) & np.isfinite(columns).all(axis=0)
                if np.sum(known.any(axis=1)) >= MIN_MODELS:
                    yield _predict(grid, config, task.name, target, name, columns, values, known)


def _predictors(grid: Grid) -> Iterator[tuple[str, Floats]]:
    """(n_columns, n_models, n_datasets) of each."""
    for name, values in grid.properties.items():
        yield name, values[None]
    if len(grid.properties) > 1:
        yield ALL_PROPERTIES, np.array(list(grid.properties.values()))
    shape = len(grid.datasets), len(grid.models), len(grid.datasets)
    yield DATASET, np.broadcast_to(np.eye(len(grid.datasets))[:, None, :], shape)


def _predict(
    grid: Grid, config: AnalyzeConfig, task: str, target: Target, name: str, columns: Floats, values: Floats,
    known: np.ndarray,
) -> Prediction:  # fmt: skip
    by_dataset = name == DATASET
    y = np.where(known, values, np.nan)
    x = np.where(known, columns, np.nan)
    if target == "centred score":
        y = centred(y)
        x = x if by_dataset else np.array([centred(one) for one in x])
    parts = [
        part for place in np.flatnonzero(known.any(axis=1)) if (part := _errors(x, y, known, place, target, by_dataset))
    ]
    models = tuple(_left_out(grid.models[part.model], part) for part in parts)
    squared = np.array([[np.sum(part.with_it**2), np.sum(part.without**2)] for part in parts])
    n = sum(one.n for one in models)
    total = squared.sum(axis=0)
    rng = generator(config.seed, "prediction", grid.method, task, target, name)
    ends = _interval(squared, config.resamples, rng) if len(parts) >= MIN_UNITS else (None, None)
    return Prediction(
        name, target, task, grid.method, target == "gain", n, len(models), float(np.sqrt(total[0] / n)),
        float(np.sqrt(total[1] / n)), float(1 - total[0] / total[1]) if total[1] > 0 else None, *ends, models,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Errors:
    model: int
    with_it: Floats
    without: Floats


def _errors(x: Floats, y: Floats, known: np.ndarray, place: int, target: Target, by_dataset: bool) -> _Errors | None:
    """Errors on one model; data sets that no other model has cannot be predicted and are left out."""
    linear_model = require("sklearn.linear_model", extra="embed")
    others = known.copy()
    others[place] = False
    mine = known[place] & (others.any(axis=0) if by_dataset else True)
    if not mine.any() or not others.any():
        return None
    fitted = linear_model.LinearRegression(fit_intercept=not by_dataset).fit(x[:, others].T, y[others])
    truth = y[place][mine]
    yardstick = 0.0 if target == "centred score" else float(y[others].mean())
    return _Errors(place, truth - fitted.predict(x[:, place][:, mine].T), truth - yardstick)


def _left_out(model: str, part: _Errors) -> LeftOutModel:
    errors = (float(np.sqrt(np.mean(one**2))) for one in (part.with_it, part.without))
    return LeftOutModel(model, len(part.with_it), *errors)


def _interval(squared: Floats, draws: int, rng: np.random.Generator) -> tuple[float | None, float | None]:
    held = drawn_counts(len(squared), draws, rng) @ squared
    interval = central(1 - np.divide(held[:, 0], held[:, 1], out=np.full(draws, np.nan), where=held[:, 1] > 0))
    return (None, None) if interval is None else (interval.low, interval.high)
