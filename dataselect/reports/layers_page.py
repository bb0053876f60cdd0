"""The page of `dataselect layers`: where tuning changed the model, and what correlates with the gain.

Maps show relative change, because layers differ in the size of their weights. Plots of many runs show the first eight;
the tables hold all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dataselect.reports.content import Block, Column, Plot, Report, Section, Table, cell, number, text
from dataselect.reports.numbers import count, fixed, short, span
from dataselect.reports.sections.layer_changes import (
    ABOUT,
    degrees,
    gain_section,
    heat_map,
    run_map,
    run_table,
    size,
)

_MOST = 8
"""Runs in one plot of curves, and maps of single models."""

_TENSORS = 400
"""Rows of a table of single tensors."""


def layers_report(layers: Mapping[str, Any]) -> Report:
    """Arrange the content of a `layers.json` into sections."""
    sections = [_change_section(layers)]
    if layers["correlations"]:
        sections.append(gain_section(layers))
    sections.append(_matrix_section(layers))
    if layers["representations"]:
        sections.append(_representation_section(layers["representations"]))
    refused = [(run["name"], one) for run in layers["runs"] for one in run["not_compared"]]
    if refused:
        columns: list[Column] = [
            ("Run", lambda pair: text(pair[0])),
            ("Tensor", lambda pair: text(pair[1]["name"])),
            ("Why", lambda pair: text(pair[1]["reason"])),
        ]
        table = Table.of("refused", "Tensors without numbers", refused, columns)
        sections.append(Section("not-compared", "Not compared", (Block(tables=(table,)),)))
    sections.append(_definitions_section(layers))
    runs = layers["runs"]
    one = "one tuned model" if len(runs) == 1 else f"{len(runs)} tuned models"
    bases = list(dict.fromkeys(run["base"] for run in runs))
    lede = f"The weights of {one} beside those of {' and '.join(bases)}, layer by layer."
    return Report("Where tuning changed the model", lede, tuple(sections), "layers.json", ("depth_plots.js",))


def _change_section(layers: Mapping[str, Any]) -> Section:
    plots = [] if layers["map"] is None else [run_map(layers["map"])]
    ranked = [run for run in layers["runs"] if any(one["effective_rank"] for one in run["layers"])][:_MOST]
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
    blocks = [_matrix_block(number_, run) for number_, run in enumerate(detailed[:_MOST])]
    about = "The same for each kind of matrix. Layers without a matrix of a kind are left empty."
    if len(detailed) > _MOST:
        about += f" The first {_MOST} of {len(detailed)} runs are shown; layers.json holds all."
    return Section("matrices", "Change by matrix", (Block(paragraphs=(about,)), *blocks))


def _matrix_block(place: int, run: Mapping[str, Any]) -> Block:
    found = run["matrices"]
    hover = [
        [f"{kind}, layer {layer}: {size(value)}" for layer, value in zip(found["layers"], row, strict=True)]
        for kind, row in zip(found["modules"], found["relative_change"], strict=True)
    ]
    columns = [str(layer) for layer in found["layers"]]
    plots: tuple[Plot, ...] = ()
    if hover:
        key, modules = f"matrices-{place}", found["modules"]
        plots = (heat_map(key, "", modules, columns, "layer", found["relative_change"], hover),)
    return Block(title=run["name"], plots=plots, tables=(_tensor_table(place, run),))


def _tensor_table(place: int, run: Mapping[str, Any]) -> Table:
    tensors = sorted(run["tensors"], key=lambda one: (-(one["relative_change"] or 0.0), one["name"]))
    most = f", the {_TENSORS} that changed most" if len(tensors) > _TENSORS else ""
    columns: list[Column] = [
        ("Tensor", lambda one: text(one["name"])),
        ("Shape", lambda one: text(" x ".join(map(str, one["shape"])))),
        ("Relative change", lambda one: cell(one["relative_change"], size)),
        ("Angle", lambda one: cell(one["angle"], degrees)),
        ("Effective rank", lambda one: cell((one["spectrum"] or {}).get("effective_rank"), short)),
        ("Stable rank", lambda one: cell((one["spectrum"] or {}).get("stable_rank"), short)),
        ("90 % of the energy in", lambda one: cell((one["spectrum"] or {}).get("rank_90"), count)),
    ]
    return Table.of(f"tensors-{place}", f"Tensors of {run['name']}{most}", tensors[:_TENSORS], columns, folded=True)


def _definitions_section(layers: Mapping[str, Any]) -> Section:
    rows = tuple((text(name.replace("_", " ")), text(meaning)) for name, meaning in layers["definitions"].items())
    notes = (
        "A merged adapter, or a model saved in bfloat16, also holds the rounding of saving it, which looks like a "
        "change in every direction. Read the adapter itself where its ranks matter.",
    )
    table = Table("definitions-table", "Definitions", ("Number", "Meaning"), rows)
    return Section("definitions", "What the numbers are", (Block(tables=(table,), notes=notes),))


def _representation_section(representations: Mapping[str, Any]) -> Section:
    """Intrinsic dimensions by depth of the base and the first tuned models."""
    models = representations["models"]
    about = (
        f"The mean hidden state of {count(representations['texts'])} texts at each depth, 0 being the embedding; "
        f"{representations['method']}. Few points make a high dimension look smaller, for all models alike."
    )
    data = {
        "series": [_series(model) for model in models[: _MOST + 1]],
        "x_title": "relative depth", "y_title": "intrinsic dimension", "from_zero": True,
    }  # fmt: skip
    plot = Plot(
        "dimension", "bandedCurves", "", "Intrinsic dimension by depth; the table below holds the numbers.", data
    )
    columns: list[Column] = [
        ("Model", lambda row: text(row["model"])),
        ("Index", lambda row: cell(row["index"], count)),
        ("Intrinsic dimension", lambda row: cell(row["value"], _one_decimal)),
        ("95 % interval", lambda row: number(span(row["low"], row["high"], _one_decimal), row["low"])),
        ("Distinct points", lambda row: cell(row["points"], count)),
        ("Duplicates left out", lambda row: cell(row["duplicates"], count)),
    ]
    rows = [
        {"model": model["name"], "index": one["index"], **one["dimension"]}
        for model in models
        for one in model["depths"]
    ]
    table = Table.of("dimension-table", "Intrinsic dimension by depth", rows, columns, folded=True)
    return Section(
        "representations", "Intrinsic dimension", (Block(paragraphs=(about,), plots=(plot,), tables=(table,)),)
    )


def _series(model: Mapping[str, Any]) -> dict[str, Any]:
    depths = model["depths"]
    return {
        "name": model["name"],
        "x": [one["position"] for one in depths],
        **{key: [one["dimension"][name] for one in depths] for key, name in _NAMES.items()},
        "hover": [
            f"{model['name']}, index {one['index']}: {_one_decimal(one['dimension']['value'])}" for one in depths
        ],
    }


_NAMES = {"y": "value", "low": "low", "high": "high"}


def _one_decimal(value: float | None) -> str:
    return fixed(value, 1)
