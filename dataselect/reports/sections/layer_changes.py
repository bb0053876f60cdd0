"""The change of each layer by training, from `dataselect layers`, and its correlation with the gain over runs.

The page of `dataselect layers` shows the same maps and tables (`layers_page`); a comparison holds them without the
single tensors.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dataselect.artifacts import read_json
from dataselect.reports.content import Block, Column, Plot, ReportSection, Section, Table, TableCell, cell, number, text
from dataselect.reports.numbers import ABSENT, fixed, percent, short, signed, span, two_decimals
from dataselect.stage import is_stage, read_finished

_LEFT_OUT = ("tensors", "matrices", "not_compared", "mean_spectrum")


def layer_changes(folder: Path) -> dict[str, Any] | None:
    """The map of runs by layer, the runs, and the correlations with gain; None where none was made.

    Args:
        folder: Of `dataselect layers`.
    """
    if not is_stage(folder):
        return None
    found = read_json(read_finished(folder, "layers").file("layers.json"))
    runs = [{name: value for name, value in run.items() if name not in _LEFT_OUT} for run in found["runs"]]
    return {"runs": runs, **{name: found[name] for name in ("map", "correlations", "caution")}}


def layers_section(layers: Mapping[str, Any]) -> Section:
    """The map of runs by layer, their table, and the correlation of change and gain by depth."""
    plots = () if layers["map"] is None else (run_map(layers["map"]),)
    blocks = [Block(paragraphs=(ABOUT,), plots=plots, tables=(run_table(layers["runs"]),))]
    if layers["correlations"]:
        blocks += gain_section(layers).blocks
    return Section("layers", "Where training changed the models", tuple(blocks))


ABOUT = (
    "The relative change of a layer is the size of the difference of all its weights over the size of the weights "
    "themselves. Ranks are means over changed matrices: the effective rank counts directions, the stable rank the "
    "energy in them."
)


def run_table(runs: Sequence[Mapping[str, Any]]) -> Table:
    """One row per run."""
    columns: list[Column] = [
        ("Run", lambda run: text(run["name"])),
        ("Read from", lambda run: text(run["kind"])),
        ("Relative change", lambda run: cell(run["relative_change"], size)),
        ("Angle", lambda run: cell(run["angle"], degrees)),
        ("Effective rank", lambda run: cell(run["effective_rank"], short)),
        ("Stable rank", lambda run: cell(run["stable_rank"], short)),
        ("Most changed layer", _most_changed),
        ("In the layers' middle third", lambda run: cell(run["middle_share"], percent)),
    ]
    return Table.of("runs", "All compared weights together", runs, columns)


def _most_changed(run: Mapping[str, Any]) -> TableCell:
    most = max(run["layers"], key=lambda one: one["relative_change"] or 0.0, default=None)
    return number(ABSENT, None) if most is None else cell(most["layer"], str)


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


def degrees(angle: float | None) -> str:
    """An angle in degrees."""
    return ABSENT if angle is None else f"{short(angle)}°"


def gain_section(layers: Mapping[str, Any]) -> Section:
    """The correlation of change and gain by relative depth, one block per outcome."""
    blocks = [_block(place, found) for place, found in enumerate(layers["correlations"])]
    return Section("gain", "Change and gain", (Block(paragraphs=(layers["caution"],)), *blocks))


def _block(place: int, found: Mapping[str, Any]) -> Block:
    title = f"Correlation with {found['outcome']} over {over(found)}, {found['group']}"
    series = [_series(name, found["depths"]) for name in ("pearson", "spearman")]
    data = {"series": series, "x_title": "relative depth", "y_title": "correlation", "zero": True}
    columns: list[Column] = [
        ("Relative depth", lambda one: cell(one["position"], two_decimals)),
        *_coefficient_columns("pearson"),
        *_coefficient_columns("spearman"),
    ]
    table = Table.of(f"gain-{place}-table", "Correlation by depth", found["depths"], columns, folded=True)
    columns = [("Run", lambda item: text(item[0])), ("Gain", lambda item: cell(item[1], short))]
    runs = Table.of(f"gain-{place}-runs", "Gains", found["gains"].items(), columns, folded=True)
    plots = (Plot(f"gain-{place}", "bandedCurves", "", f"{title}; the table below holds the numbers.", data),)
    return Block(title, _sentences(found), plots=plots, tables=(table, runs))


def over(found: Mapping[str, Any]) -> str:
    """The number of runs that a correlation is over, or of points of one or more runs."""
    points, runs = len(found["points"]), _runs(len(found["runs"]))
    return runs if points == len(found["runs"]) else f"{_runs(points, 'point')} of {runs}"


def _runs(number_: int, what: str = "run") -> str:
    return f"{number_} {what}{'' if number_ == 1 else 's'}"


def _sentences(found: Mapping[str, Any]) -> tuple[str, ...]:
    lines = []
    if found["few"]:
        lines.append(
            f"{over(found)} are too few to trust any of this: intervals over so few are too narrow, and "
            "below five there are none (nor correlations below four)."
        )
    if len(found["bases"]) > 1:
        lines.append(
            f"These are runs of {' and '.join(found['bases'])} together: what differs between bases, in change and in "
            "gain, is in every coefficient."
        )
    lines += carried(found)
    middle, peak = found["middle"], found["peak"]
    if peak is not None:
        share = found["peak_in_middle"]
        often = "" if share is None else f"; in {percent(share)} of the resamples it lies in the middle third"
        lines.append(f"The correlation is largest at depth {fixed(peak, 2)}{often}.")
    if middle["value"] is not None:
        lines.append(
            f"Middle third minus the rest: {signed(middle['value'], 2)}{_interval(middle)}. The change of the whole "
            f"model correlates with {signed(found['whole']['value'], 2)}{_interval(found['whole'])}."
        )
    lines += [f"{', '.join(runs)} are one point, their mean." for runs in found["points"].values() if len(runs) > 1]
    lines += [f"Apart ({one['group']}): {', '.join(one['runs'])}." for one in found["apart"]]
    if found["without_gain"]:
        lines.append(f"Without a gain, and left out: {', '.join(found['without_gain'])}.")
    return tuple(lines)


def carried(found: Mapping[str, Any]) -> list[str]:
    """A warning for every run that carries a coefficient, of the whole model or of a depth: the one it moves most."""
    every = [found["whole"], *(depth[name] for depth in found["depths"] for name in ("pearson", "spearman"))]
    carried_by: dict[str, list[Mapping[str, Any]]] = {}
    for one in every:
        if one["leave_one_out"]["carried_by"] is not None:
            carried_by.setdefault(one["leave_one_out"]["carried_by"], []).append(one)
    lines = []
    for run, ones in carried_by.items():
        first = max(ones, key=lambda one: abs(one["value"] - one["leave_one_out"]["without"]))
        lines.append(
            f"Warning: {run} alone carries {len(ones)} of {len(every)} coefficients; one is "
            f"{signed(first['value'], 2)} with it and {signed(first['leave_one_out']['without'], 2)} without it."
        )
    return lines


def _interval(found: Mapping[str, Any]) -> str:
    """Interval and range without one run, in brackets; empty without either."""
    parts = [] if found["low"] is None else [f"95 %: {signed(found['low'], 2)} to {signed(found['high'], 2)}"]
    left_out = _range(found)
    parts += [] if left_out is None else [f"without one run: {left_out}"]
    return f" ({'; '.join(parts)})" if parts else ""


def _range(found: Mapping[str, Any]) -> str | None:
    left_out = found["leave_one_out"]
    return None if left_out["low"] is None else f"{signed(left_out['low'], 2)} to {signed(left_out['high'], 2)}"


def _series(name: str, depths: list[Mapping[str, Any]]) -> dict[str, Any]:
    label = name.capitalize()
    return {
        "name": label,
        "x": [one["position"] for one in depths],
        "y": [one[name]["value"] for one in depths],
        "low": [one[name]["low"] for one in depths] if name == "pearson" else [],
        "high": [one[name]["high"] for one in depths] if name == "pearson" else [],
        "hover": [
            f"{label} at depth {fixed(one['position'], 2)}: {signed(one[name]['value'], 2)}{_interval(one[name])}"
            for one in depths
        ],
    }


def _coefficient_columns(name: str) -> list[Column]:
    return [
        (name.capitalize(), lambda one: cell(one[name]["value"], _two_signed)),
        ("95 % interval", lambda one: number(span(one[name]["low"], one[name]["high"], _two_signed), one[name]["low"])),
        ("Without one run", lambda one: number(_range(one[name]) or ABSENT, one[name]["leave_one_out"]["low"])),
        ("Carried by", lambda one: text(one[name]["leave_one_out"]["carried_by"] or "")),
    ]


def _two_signed(value: float | None) -> str:
    return signed(value, 2)


SECTION = ReportSection(
    "layers",
    data=lambda inputs: layer_changes(inputs.experiment.layers) if inputs.experiment else None,
    view=layers_section,
    drawings=("depth_plots.js",),
)
