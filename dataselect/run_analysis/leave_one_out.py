"""Prediction of a model that was not seen: a linear regression on the others, one model left out at a time.

For every model in turn, scikit-learn's linear regression is fitted on all other models and predicts that one. The
target is which data helps: score minus the model's own mean over its data sets, for which no baseline is needed; and
where there are baselines also the gain itself. Predictors:

    a property       as it is for gains, minus the model's own mean where the score is too
    all properties   together, where there are several
    data set         the mean of the other models on the same data set: what a table of other models' results is worth

The yardstick is a prediction without any predictor: 0 for centred scores, the mean gain of the other models for gains.

    skill = 1 - sum of squared errors / the same of the yardstick

0 is no better than the yardstick, below 0 worse, 1 perfect. Its interval is over models (resampled with their errors;
the fits are not repeated), None below five models.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from dataselect.comparison.bootstrap import named_generator, percentile_interval
from dataselect.registry import require
from dataselect.reports.content import Block, Section, Table, TableCell, number, text
from dataselect.reports.numbers import fixed
from dataselect.run_analysis.config import AnalyzeConfig
from dataselect.run_analysis.grid import Grid, centred
from dataselect.run_analysis.presentation import (
    Entry,
    count_cell,
    interval,
    interval_cell,
    overall_entries,
    task_phrase,
)
from dataselect.run_analysis.run_table import OVERALL, Floats
from dataselect.run_analysis.uncertainty import MIN_UNITS, drawn_counts

DATASET, ALL_PROPERTIES = "data set", "all properties"
MIN_MODELS = 3
Target = Literal["centred score", "gain"]


@dataclass(frozen=True, slots=True)
class LeftOutModel:
    """A model predicted from the others: root mean squared errors over its `n` data sets."""

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
    """Test all predictors of all tasks of a grid, where at least three models have both."""
    for row, task in enumerate(grid.tasks):
        targets: list[tuple[Target, Floats]] = [("centred score", grid.scores[row]), ("gain", grid.gains[row])]
        for target, values in targets:
            for name, columns in _predictors(grid):
                known = np.isfinite(values) & np.isfinite(columns).all(axis=0)
                if np.sum(known.any(axis=1)) >= MIN_MODELS:
                    yield _predict(grid, config, task.name, target, name, columns, values, known)


def _predictors(grid: Grid) -> Iterator[tuple[str, Floats]]:
    """Name each predictor, with its (n_columns, n_models, n_datasets)."""
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
    squared = np.array([[np.sum(part.with_it**2), np.sum(part.without**2)] for part in parts])
    n = sum(len(part.with_it) for part in parts)
    with_it, without = squared.sum(axis=0)
    low, high = None, None
    if len(parts) >= MIN_UNITS:
        rng = named_generator(config.seed, "prediction", grid.method, task, target, name)
        low, high = _skill_interval(squared, config.resamples, rng)
    return Prediction(
        predictor=name, target=target, task=task, method=grid.method, needs_baseline=target == "gain", n=n,
        n_models=len(parts), rmse=float(np.sqrt(with_it / n)), rmse_without=float(np.sqrt(without / n)),
        skill=float(1 - with_it / without) if without > 0 else None, ci_low=low, ci_high=high,
        models=tuple(
            LeftOutModel(grid.models[part.model], len(part.with_it), _rmse(part.with_it), _rmse(part.without))
            for part in parts
        ),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Errors:
    model: int
    with_it: Floats
    without: Floats


def _errors(x: Floats, y: Floats, known: np.ndarray, place: int, target: Target, by_dataset: bool) -> _Errors | None:
    """Predict one model from the others; data sets that no other model has cannot be predicted and are left out."""
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


def _rmse(errors: Floats) -> float:
    return float(np.sqrt(np.mean(errors**2)))


def _skill_interval(squared: Floats, draws: int, rng: np.random.Generator) -> tuple[float | None, float | None]:
    held = drawn_counts(len(squared), draws, rng) @ squared
    shares = np.divide(held[:, 0], held[:, 1], out=np.full(draws, np.nan), where=held[:, 1] > 0)
    interval = percentile_interval(1 - shares)
    return (None, None) if interval is None else (interval.low, interval.high)


def prediction_section(document: Entry) -> Section:
    """Show the errors on models left out, and each of these models."""
    about = (
        "Each model is predicted by a linear regression fitted on the others. Skill is 1 minus the squared error over "
        "that of a prediction without any predictor: 0 is no better, below 0 worse. The predictor data set is the mean "
        "of the other models on the same data. Intervals are over models."
    )
    headers = ("Task", "Method", "Predicted", "From", "Runs", "Models", "Error without", "Error", "Skill (95 %)")
    rows = tuple(
        (
            text(one["task"]), text(one["method"]), text(one["target"]), text(one["predictor"]), count_cell(one["n"]),
            count_cell(one["n_models"]), *_error_cells(one), interval_cell(one, 2, "skill"),
        )
        for one in document["predictions"]
    )  # fmt: skip
    left = tuple(
        (
            text(model["model"]), text(one["task"]), text(one["method"]), text(one["predictor"]),
            count_cell(model["n"]), *_error_cells(model),
        )
        for one in document["predictions"] if one["task"] == OVERALL for model in one["models"]
    )  # fmt: skip
    tables = [Table("predictions", "Leaving one model out: root mean squared errors", headers, rows)]
    if left:
        names = ("Model", "Task", "Method", "From", "Runs", "Error without", "Error")
        tables.append(Table("left-out", "Each model left out", names, left, folded=True))
    return Section("predictions", "Predicting a model not seen", (Block(paragraphs=(about,), tables=tuple(tables)),))


def _error_cells(one: Entry) -> Iterator[TableCell]:
    for key in ("rmse_without", "rmse"):
        yield number(fixed(one[key], 3), one[key])


def prediction_sentences(document: Entry) -> Iterator[str]:
    """State how well each predictor predicts a model from the others."""
    for one in overall_entries(document["predictions"]):
        if one["target"] == "centred score" and one["skill"] is not None:
            yield (
                f"{one['method']}, {task_phrase(one['task'])}: predicted for a model from the others by "
                f"{one['predictor']}, the error falls from {fixed(one['rmse_without'], 2)} to "
                f"{fixed(one['rmse'], 2)}; skill {interval(one, 2, 'skill')} over {one['n_models']} models."
            )
