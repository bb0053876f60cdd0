"""How far tuning moved each layer of each run: the map, and the table of all weights together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dataselect.reports.content import Cell, Plot, Table, number, text
from dataselect.reports.numbers import ABSENT, fixed, percent, short

ABOUT = (
    "The relative change of a layer is the size of the difference of all its weights over the size of the weights "
    "themselves. Ranks are means over changed matrices: the effective rank counts directions, the stable rank the "
    "energy in them."
)


def run_table(runs: Sequence[Mapping[str, Any]]) -> Table:
    """One row per run."""
    headers = (
        "Run", "Read from", "Relative change", "Angle", "Effective rank", "Stable rank", "Most changed layer",
        "In the layers' middle third",
    )  # fmt: skip
    return Table("runs", "All compared weights together", headers, tuple(map(_run_cells, runs)))


def _run_cells(run: Mapping[str, Any]) -> tuple[Cell, ...]:
    most = max(run["layers"], key=lambda one: one["relative_change"] or 0.0, default=None)
    return (
        text(run["name"]),
        text(run["kind"]),
        number(size(run["relative_change"]), run["relative_change"]),
        number(ABSENT if run["angle"] is None else f"{short(run['angle'])}°", run["angle"]),
        number(short(run["effective_rank"]), run["effective_rank"]),
        number(short(run["stable_rank"]), run["stable_rank"]),
        number(ABSENT if most is None else f"{most['layer']}", None if most is None else most["layer"]),
        number(percent(run["middle_share"]), run["middle_share"]),
    )


def run_map(found: Mapping[str, Any]) -> Plot:
    """The map of runs by layer, or by relative depth where models differ."""
    layers = found["layers"]
    columns = [f"{layer}" for layer in layers] if layers else [fixed(place, 2) for place in found["positions"]]
    unit = "layer" if layers else "relative depth"
    hover = [
        [f"{name}, {unit} {column}: {size(value)}" for column, value in zip(columns, row, strict=True)]
        for name, row in zip(found["runs"], found["relative_change"], strict=True)
    ]
    return heat_map("map", "Relative change by run and layer", found["runs"], columns, unit,
                    found["relative_change"], hover)  # fmt: skip


def heat_map(
    key: str, title: str, rows: Sequence[str], columns: Sequence[str], unit: str,
    values: Sequence[Sequence[float | None]], hover: Sequence[Sequence[str]],
) -> Plot:  # fmt: skip
    """A map of values, one row per name."""
    shown = [["" if value is None else size(value) for value in row] for row in values]
    data = {"rows": rows, "columns": columns, "column_title": unit, "values": values, "shown": shown, "hover": hover}
    return Plot(key, "depthMap", title, f"{title or 'Relative change'}; the numbers are in the table below.", data)


def size(value: float | None) -> str:
    """A relative change as a percentage in two digits."""
    if value is None:
        return ABSENT
    return "0" if value == 0 else f"{f'{100 * value:#.2g}'.rstrip('.')} %" if value < 0.1 else f"{100 * value:.0f} %"
