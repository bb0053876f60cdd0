"""Model by data set in numbers: centred scores, which need no baseline, gains, which do, and properties of the data."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from dataselect.prediction.grid import Grid, centred
from dataselect.prediction.table import Floats

Rows = tuple[tuple[float | None, ...], ...]


@dataclass(frozen=True, slots=True)
class HeatMap:
    """One task in one method.

    Attributes:
        centred: (n_models, n_datasets), score minus the model's own mean; None where there is no run.
        gains: The same shape, score minus baseline; empty where no model has a baseline on this task.
    """

    task: str
    method: str
    models: tuple[str, ...]
    datasets: tuple[str, ...]
    centred: Rows
    gains: Rows


@dataclass(frozen=True, slots=True)
class PropertyMap:
    """One property in one method.

    Attributes:
        values: (n_models, n_datasets), in the unit that is looked at; None where it is not known.
        centred: The same minus the mean of the model.
    """

    property: str
    method: str
    models: tuple[str, ...]
    datasets: tuple[str, ...]
    values: Rows
    centred: Rows


def property_maps(grid: Grid) -> Iterator[PropertyMap]:
    """One per property."""
    for name, values in grid.properties.items():
        yield PropertyMap(name, grid.method, grid.models, grid.datasets, _rows(values), _rows(centred(values)))


def heat_maps(grid: Grid) -> Iterator[HeatMap]:
    """One per task that has a score."""
    scores, gains = grid.centred, grid.gains
    for row, task in enumerate(grid.tasks):
        if np.isfinite(grid.scores[row]).any():
            known = np.isfinite(gains[row]).any()
            yield HeatMap(
                task.name,
                grid.method,
                grid.models,
                grid.datasets,
                _rows(scores[row]),
                _rows(gains[row]) if known else (),
            )


def _rows(values: Floats) -> Rows:
    return tuple(tuple(float(one) if np.isfinite(one) else None for one in row) for row in values)
