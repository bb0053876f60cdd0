"""Forecast of the outcome of a run before training, with its group left out, and an interval for it.

For every group of runs in turn (a model, a pool) nothing of the group is used but what is known before training:

    prediction   ridge regression (scikit-learn, penalty 1, standardised columns) fitted on all other groups
    interval     the prediction plus and minus one half-width, from the errors of the same regression on each of the
                 other groups, fitted without that group and without the one left out (`conformal`)
    mean alone   the same two without the properties: the mean of the other groups, or with `given` the regression on
                 that

Coverage is the mean over groups of the share of runs in their interval; its interval is over groups. Width is the
median over groups. The ratio is the width over that from the mean alone; its interval draws the groups anew, both as
groups left out and as calibration; the fits are not repeated. The properties narrow the forecast if that interval lies
below 1. With more than 21 groups the others are left out in 20 parts for calibration.

Left out: other regressions, and the mean over tasks, which is standardised over the runs that are to be forecast.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from dataselect.comparison.bootstrap import named_generator, percentile_interval
from dataselect.errors import ConfigError
from dataselect.registry import require
from dataselect.run_analysis.config import AnalyzeConfig, ForecastConfig
from dataselect.run_analysis.conformal import drawn_half_widths, half_width, least_coverage, level
from dataselect.run_analysis.findings import counted
from dataselect.run_analysis.forecast_runs import ForecastRuns, LeftOutRuns, forecast_runs
from dataselect.run_analysis.run_table import Floats, RunTable
from dataselect.run_analysis.uncertainty import MIN_UNITS, drawn_counts

CONFIDENCE = 0.9
"""Of the intervals of a run. Those of coverage and ratio are of 95 %, as all intervals of an analysis."""

_MOST_PARTS = 20
_PENALTY = 1.0

Narrowing = Literal["narrower", "not narrower", "wider", "no number"]


@dataclass(frozen=True, slots=True)
class ForecastGroup:
    """One group left out: its runs, how many of them their interval holds, and the widths."""

    group: str
    n: int
    covered: int
    covered_alone: int
    width: float
    width_alone: float


@dataclass(frozen=True, slots=True)
class ForecastRun:
    """One run: the forecast, its interval, that from the mean alone, and what came."""

    line: int
    model: str
    data: str
    group: str
    forecast: float
    low: float
    high: float
    mean_alone: float
    low_alone: float
    high_alone: float
    outcome: float


@dataclass(frozen=True, slots=True)
class Forecast:
    """One forecast of one task.

    Attributes:
        properties, given: What was used. `constant` properties were not.
        n, n_groups: Runs and groups.
        confidence: Of the intervals.
        coverage: Mean over groups of the share of runs that their interval holds; `coverage_alone` from the mean alone.
        least_coverage: What to count on where all runs of a group err alike.
        width, width_alone: Median over groups.
        ratio: width / width_alone, and its 95 % interval.
        note: Why there is no number.
        runs: Each run; in forecast.csv and not in the document.
    """

    name: str
    task: str
    outcome: Literal["gain", "score"]
    leave_out: str
    properties: tuple[str, ...]
    given: tuple[str, ...]
    constant: tuple[str, ...]
    n: int
    n_groups: int
    confidence: float
    left_out: tuple[LeftOutRuns, ...]
    coverage: float | None = None
    coverage_low: float | None = None
    coverage_high: float | None = None
    coverage_alone: float | None = None
    least_coverage: float | None = None
    width: float | None = None
    width_alone: float | None = None
    ratio: float | None = None
    ratio_low: float | None = None
    ratio_high: float | None = None
    verdict: Narrowing = "no number"
    note: str = ""
    groups: tuple[ForecastGroup, ...] = ()
    runs: tuple[ForecastRun, ...] = field(default=(), repr=False)


def forecasts(table: RunTable, config: AnalyzeConfig) -> tuple[Forecast, ...]:
    """Make every forecast of a configuration, for each of its tasks.

    Raises:
        ConfigError: If a forecast names a task that a long table does not have.
        MissingExtraError: If scikit-learn or crepes is not installed.
    """
    names = [task.name for task in table.tasks]
    for name, one in config.forecast.items():
        if unknown := [task for task in one.tasks if task not in names]:
            raise ConfigError(f"forecast.{name}: no task {', '.join(unknown)}", f"the table has {', '.join(names)}")
    return tuple(
        _forecast(table, config, name, one, place)
        for name, one in config.forecast.items()
        for place, task in enumerate(names)
        if not one.tasks or task in one.tasks
    )


def _forecast(table: RunTable, config: AnalyzeConfig, name: str, one: ForecastConfig, task: int) -> Forecast:
    runs = forecast_runs(table, config, one, task)
    groups, codes = np.unique(runs.groups, return_inverse=True) if len(runs.rows) else (np.array([]), np.array([], int))
    empty = Forecast(
        name=name, task=table.tasks[task].name, outcome=one.outcome, leave_out=one.leave_out, properties=runs.used,
        given=one.given, constant=runs.constant, n=len(runs.rows), n_groups=len(groups), confidence=CONFIDENCE,
        left_out=runs.left_out,
    )  # fmt: skip
    if note := _missing(runs, codes, one.leave_out):
        return replace(empty, note=note)
    with_it, alone = (_Sides(*_left_out(columns, runs.outcomes, codes)) for columns in (runs.known, runs.given))
    found = tuple(
        ForecastGroup(
            str(group), int(mine.sum()), int(with_it.held[mine].sum()), int(alone.held[mine].sum()),
            2 * with_it.half_widths[place], 2 * alone.half_widths[place],
        )
        for place, group in enumerate(groups) for mine in (codes == place,)
    )  # fmt: skip
    rng = named_generator(config.seed, "forecast", name, empty.task)
    return _measured(
        replace(empty, groups=found, runs=tuple(_runs(table, runs, codes, with_it, alone))),
        with_it, alone, drawn_counts(len(groups), config.resamples, rng),
    )  # fmt: skip


def _missing(runs: ForecastRuns, codes: NDArray[np.int64], leave_out: str) -> str:
    """Say what a forecast lacks; empty where it lacks nothing."""
    sizes = np.bincount(codes) if len(codes) else np.zeros(0, dtype=int)
    if len(sizes) < MIN_UNITS:
        return f"a forecast needs {MIN_UNITS} groups of {leave_out}, got {counted(len(sizes), 'group')}"
    fewest = int(len(codes) - sizes.max())
    if level(fewest, CONFIDENCE) > 1:
        return f"intervals of {100 * CONFIDENCE:.0f} % need 9 runs beside the group left out, got {fewest}"
    if not runs.used:
        return "every property is the same in all runs"
    return "" if np.ptp(runs.outcomes) > 0 else "the outcome is the same in all runs"


@dataclass(frozen=True, slots=True, eq=False)
class _Sides:
    """Forecasts from one set of columns.

    Attributes:
        predicted: (n,) of each run, without its group.
        half_widths: (n_groups,).
        calibration: For each group left out, the errors of each of the others.
        held: (n,) whether the interval holds the outcome.
    """

    predicted: Floats
    half_widths: Floats
    calibration: list[list[Floats]]
    held: NDArray[np.bool_]


def _left_out(
    columns: Floats, outcomes: Floats, codes: NDArray[np.int64]
) -> tuple[Floats, Floats, list[list[Floats]], NDArray[np.bool_]]:
    """Leave each group out, and within the rest each of the others, or each of `_MOST_PARTS` parts of them."""
    n_groups = int(codes.max()) + 1
    predicted, widths, calibration = np.zeros(len(codes)), np.zeros(n_groups), []
    for place in range(n_groups):
        rest = codes != place
        predicted[~rest] = _predict(columns, outcomes, rest, ~rest)
        others = [other for other in range(n_groups) if other != place]
        errors = np.zeros(len(codes))
        for first in range(min(_MOST_PARTS, len(others))):
            part = np.isin(codes, others[first::_MOST_PARTS])
            errors[part] = outcomes[part] - _predict(columns, outcomes, rest & ~part, part)
        calibration.append([errors[codes == other] for other in others])
        widths[place] = half_width(calibration[-1], CONFIDENCE)
    return predicted, widths, calibration, np.abs(outcomes - predicted) <= widths[codes]


def _predict(columns: Floats, outcomes: Floats, fitted: NDArray[np.bool_], wanted: NDArray[np.bool_]) -> Floats:
    """Predict the wanted runs from the fitted ones; without columns, their mean."""
    if not columns.shape[1]:
        return np.full(int(wanted.sum()), outcomes[fitted].mean())
    scaler = require("sklearn.preprocessing", extra="forecast").StandardScaler().fit(columns[fitted])
    ridge = require("sklearn.linear_model", extra="forecast").Ridge(_PENALTY)
    ridge.fit(scaler.transform(columns[fitted]), outcomes[fitted])
    return np.asarray(ridge.predict(scaler.transform(columns[wanted])))


def _runs(
    table: RunTable, runs: ForecastRuns, codes: NDArray[np.int64], with_it: _Sides, alone: _Sides
) -> Iterator[ForecastRun]:
    for place, row in enumerate(runs.rows):
        middle, half = float(with_it.predicted[place]), float(with_it.half_widths[codes[place]])
        mean, wide = float(alone.predicted[place]), float(alone.half_widths[codes[place]])
        yield ForecastRun(
            line=table.lines[row], model=table.models[row], data=table.datasets[row], group=runs.groups[place],
            forecast=middle, low=middle - half, high=middle + half, mean_alone=mean, low_alone=mean - wide,
            high_alone=mean + wide, outcome=float(runs.outcomes[place]),
        )  # fmt: skip


def _measured(one: Forecast, with_it: _Sides, alone: _Sides, counts: Floats) -> Forecast:
    """Add coverage, widths and their ratio; `counts` are (draws, n_groups) of the groups drawn anew."""
    shares = np.array([group.covered / group.n for group in one.groups])
    coverage = percentile_interval(counts @ shares / counts.sum(axis=1))
    width, width_alone = (float(np.median(2 * side.half_widths)) for side in (with_it, alone))
    one = replace(
        one, coverage=float(shares.mean()), coverage_low=coverage.low if coverage else None,
        coverage_high=coverage.high if coverage else None, least_coverage=least_coverage(one.n_groups - 1, CONFIDENCE),
        coverage_alone=float(np.mean([group.covered_alone / group.n for group in one.groups])),
        width=width, width_alone=width_alone,
    )  # fmt: skip
    if width_alone == 0:
        return replace(one, note="the interval from the mean alone has no width")
    drawn = percentile_interval(_drawn_widths(with_it, counts) / _drawn_widths(alone, counts))
    if drawn is None:
        return replace(one, ratio=width / width_alone, note="too many draws of the groups have no interval")
    verdict: Narrowing = "narrower" if drawn.high < 1 else "wider" if drawn.low > 1 else "not narrower"
    return replace(one, ratio=width / width_alone, ratio_low=drawn.low, ratio_high=drawn.high, verdict=verdict)


def _drawn_widths(side: _Sides, counts: Floats) -> Floats:
    """Return (draws,) medians over the drawn groups of their widths, each calibrated on the other drawn ones."""
    widths = np.stack(
        [
            drawn_half_widths(errors, np.delete(counts, place, axis=1), CONFIDENCE)
            for place, errors in enumerate(side.calibration)
        ],
        axis=1,
    )
    held = counts.astype(np.int64)
    return np.array([np.median(np.repeat(mine, times)) for mine, times in zip(widths, held, strict=True)])
