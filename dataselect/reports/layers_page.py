"""The page of `dataselect layers`: where tuning changed the model, and what goes with the gain. Computes nothing.

Maps show relative change, because layers differ in the size of their weights. Plots of many runs show the first eight,
and say so; the tables hold all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dataselect.artifacts import write_text
from dataselect.reports.change_maps import ABOUT, heat_map, run_map, run_table, size
from dataselect.reports.content import Block, Cell, Plot, Section, Table, number, text
from dataselect.reports.gain_section import gain_section
from dataselect.reports.html import render_html
from dataselect.reports.numbers import ABSENT, count, short
from dataselect.reports.report import Report
from dataselect.reports.representation_section import representation_section

MOST = 8
"""Runs in one plot of curves, and maps of single models."""

_TENSORS = 400
"""Rows of a table of single tensors."""


def write_layers_html(layers: Mapping[str, Any], out: Path) -> None:
    """Render the content of a `layers.json` as one self-contained page.

    Raises:
        ArtifactError: If `out` cannot be written.
        MissingExtraError: If plotly is not installed.
    """
    write_text(out, render_html(layers_report(layers)))


def layers_report(layers: Mapping[str, Any]) -> Report:
    """Arrange the content of a `layers.json` into sections."""
    sections = [_change_section(layers)]
    if layers["correlations"]:
        sections.append(gain_section(layers))
    sections.append(_matrix_section(layers))
    if layers["representations"]:
        sections.append(representation_section(layers["representations"], MOST))
    if any(run["not_compared"] for run in layers["runs"]):
        sections.append(_refused_section(layers["runs"]))
    sections.append(_definitions_section(layers))
    runs = layers["runs"]
    one = "one tuned model" if len(runs) == 1 else f"{len(runs)} tuned models"
    bases = list(dict.fromkeys(run["base"] for run in runs))
    lede = f"The weights of {one} beside those of {' and '.join(bases)}, layer by layer."
    return Report("Where tuning changed the model", lede, tuple(sections), "layers.json", ("depth_plots.js",))


def _change_section(layers: Mapping[str, Any]) -> Section:
    plots = [] if layers["map"] is None else [run_map(layers["map"])]
    ranked = [run for run in layers["runs"] if any(one["effective_rank"] for one in run["layers"])][:MOST]
    if ranked:
        plots += [_rank_curves(ranked), _spectrum_curves(ranked)]
    block = Block(paragraphs=(ABOUT,), plots=tuple(plots), tables=(run_table(layers["runs"]),))
    return Section("change", "Change by layer", (block,))


def _rank_curves(runs: Sequence[Mapping[str, Any]]) -> Plot:
    series = [
        {
            "name": run["name"],
            "x": [one["position"] for one in run["layers"]],
            "y": [one["effective_rank"] for one in run["layers"]],
            "hover": [f"{run['name']}, layer {one['layer']}: {short(one['effective_rank'])}" for one in run["layers"]],
        }
        for run in runs
    ]
    data = {"series": series, "x_title": "relative depth", "y_title": "effective rank", "from_zero": True}
    title = "Effective rank of the change, mean over a layer's matrices"
    return Plot("ranks", "bandedCurves", title, f"{title}, by relative depth; means are in the table below.", data)


def _spectrum_curves(runs: Sequence[Mapping[str, Any]]) -> Plot:
    series = [
        {
            "name": run["name"],
            "x": list(range(1, len(run["mean_spectrum"]) + 1)),
            "y": run["mean_spectrum"],
            "hover": [f"{run['name']}, value {i}: {short(one)}" for i, one in enumerate(run["mean_spectrum"], start=1)],
        }
        for run in runs
    ]
    data = {"series": series, "x_title": "singular value", "y_title": "share of the first", "from_zero": True}
    title = "Spectrum of the change: its largest singular values, mean over matrices"
    return Plot("spectrum", "bandedCurves", title, f"{title}; layers.json holds those of every matrix.", data)


def _matrix_section(layers: Mapping[str, Any]) -> Section:
    detailed = [run for run in layers["runs"] if run["tensors"]]
    blocks = [_matrix_block(number_, run) for number_, run in enumerate(detailed[:MOST])]
    about = "The same for each kind of matrix. Layers without a matrix of a kind are left empty."
    if len(detailed) > MOST:
        about += f" The first {MOST} of {len(detailed)} runs are shown; layers.json holds all."
    return Section("matrices", "Change by matrix", (Block(paragraphs=(about,)), *blocks))


def _matrix_block(place: int, run: Mapping[str, Any]) -> Block:
    found = run["matrices"]
    hover = [
        [f"{kind}, layer {layer}: {size(value)}" for layer, value in zip(found["layers"], row, strict=True)]
        for kind, row in zip(found["modules"], found["relative_change"], strict=True)
    ]
    columns = [str(layer) for layer in found["layers"]]
    plots = (
        [heat_map(f"matrices-{place}", "", found["modules"], columns, "layer", found["relative_change"], hover)]
        if hover
        else []
    )
    return Block(title=run["name"], plots=tuple(plots), tables=(_tensor_table(place, run),))


def _tensor_table(place: int, run: Mapping[str, Any]) -> Table:
    tensors = sorted(run["tensors"], key=lambda one: (-(one["relative_change"] or 0.0), one["name"]))
    most = f", the {_TENSORS} that changed most" if len(tensors) > _TENSORS else ""
    headers = ("Tensor", "Shape", "Relative change", "Angle", "Effective rank", "Stable rank", "90 % of the energy in")
    rows = tuple(map(_tensor_cells, tensors[:_TENSORS]))
    return Table(f"tensors-{place}", f"Tensors of {run['name']}{most}", headers, rows, folded=True)


def _tensor_cells(one: Mapping[str, Any]) -> tuple[Cell, ...]:
    spectrum = one["spectrum"] or {}
    ranks = (spectrum.get("effective_rank"), spectrum.get("stable_rank"))
    return (
        text(one["name"]),
        text(" x ".join(map(str, one["shape"]))),
        number(size(one["relative_change"]), one["relative_change"]),
        number(ABSENT if one["angle"] is None else f"{short(one['angle'])}°", one["angle"]),
        *(number(short(rank), rank) for rank in ranks),
        number(count(spectrum.get("rank_90")), spectrum.get("rank_90")),
    )


def _refused_section(runs: Sequence[Mapping[str, Any]]) -> Section:
    rows = tuple(
        (text(run["name"]), text(one["name"]), text(one["reason"])) for run in runs for one in run["not_compared"]
    )
    table = Table("refused", "Tensors without numbers", ("Run", "Tensor", "Why"), rows)
    return Section("not-compared", "Not compared", (Block(tables=(table,)),))


def _definitions_section(layers: Mapping[str, Any]) -> Section:
    rows = tuple((text(name.replace("_", " ")), text(meaning)) for name, meaning in layers["definitions"].items())
    notes = (
        "A merged adapter, or a model saved in bfloat16, also holds the rounding of saving it, which looks like a "
        "change in every direction. Read the adapter itself where its ranks matter.",
    )
    return Section(
        "definitions", "What the numbers are",
        (Block(tables=(Table("definitions-table", "Definitions", ("Number", "Meaning"), rows),), notes=notes),),
    )  # fmt: skip
