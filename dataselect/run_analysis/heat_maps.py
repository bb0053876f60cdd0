"""Heat maps of models and data sets: centred scores, gains and properties of the data, and their section.

Centred scores need no baseline, gains do; the page shows the first, analyze.json holds both.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from dataselect.reports.content import Block, Plot, Section, Table, number, text
from dataselect.reports.numbers import decimals, signed
from dataselect.run_analysis.grid import Grid, centred
from dataselect.run_analysis.presentation import Entry, grouped, overall_first
from dataselect.run_analysis.run_table import Floats

Rows = tuple[tuple[float | None, ...], ...]


@dataclass(frozen=True, slots=True)
class HeatMap:
    """One task with one method.

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
    """One property with one method.

    Attributes:
        values: (n_models, n_datasets), in the unit that is analysed; None where it is not known.
        centred: The same minus the mean of the model.
    """

    property: str
    method: str
    models: tuple[str, ...]
    datasets: tuple[str, ...]
    values: Rows
    centred: Rows


def property_maps(grid: Grid) -> Iterator[PropertyMap]:
    """Make one per property."""
    for name, values in grid.properties.items():
        sides = _plain_rows(values), _plain_rows(centred(values))
        yield PropertyMap(name, grid.method, grid.models, grid.datasets, *sides)


def heat_maps(grid: Grid) -> Iterator[HeatMap]:
    """Make one per task that has a score."""
    for task, scores, gains in zip(grid.tasks, grid.centred, grid.gains, strict=True):
        if np.isfinite(scores).any():
            sides = _plain_rows(scores), _plain_rows(gains) if np.isfinite(gains).any() else ()
            yield HeatMap(task.name, grid.method, grid.models, grid.datasets, *sides)


def _plain_rows(values: Floats) -> Rows:
    return tuple(tuple(float(one) if np.isfinite(one) else None for one in row) for row in values)


def heat_map_section(document: Entry) -> Section:
    """Show centred scores by model and data set, with a choice of the task."""
    about = (
        "Score minus the mean of the same model over its data sets, so that colours compare data sets, not models. "
        "The gains over the baselines are in analyze.json."
    )
    blocks = [Block(paragraphs=(about,))]
    for place, (method, found) in enumerate(grouped(document["heat_maps"], "method").items()):
        blocks.append(_heat_map_block(f"heat-map-{place}", method, overall_first(found)))
    return Section("heat-maps", "Models and data sets", tuple(blocks))


def _heat_map_block(key: str, method: str, found: Sequence[Entry]) -> Block:
    shown, datasets = found[0], found[0]["datasets"]
    series = [{"amount": one["task"], "values": one["centred"]} for one in found]
    data = {"rows": shown["models"], "columns": datasets, "series": series, "choice": "Task", "limit": None}
    description = f"Models and data sets, {method}; the first task is in the table below."
    places = decimals(None, max((abs(v) for row in shown["centred"] for v in row if v is not None), default=None))
    rows = tuple(
        (text(model), *(number(signed(v, places), v) for v in row))
        for model, row in zip(shown["models"], shown["centred"], strict=True)
    )
    table = Table(key, f"{shown['task']}, {method}", ("Model", *datasets), rows, folded=True)
    return Block(title=method, plots=(Plot(f"{key}-plot", "matrix", "", description, data),), tables=(table,))
