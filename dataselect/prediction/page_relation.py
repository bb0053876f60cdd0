"""The plot of a property against what the data gave, one point per model and data set, both minus the model's mean."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dataselect.prediction.grid import OVERALL
from dataselect.reports.content import Plot


def relation_plot(key: str, name: str, document: Mapping[str, Any]) -> Plot:
    """One property against every task, with a choice of the task; colours are methods."""
    maps = {one["method"]: one for one in document["property_maps"] if one["property"] == name}
    heat = [one for one in document["heat_maps"] if one["method"] in maps]
    series = [
        {"amount": one["task"], "label": one["method"], "points": _points(maps[one["method"]], one)}
        for one in sorted(heat, key=lambda one: one["task"] != OVERALL)
    ]
    return Plot(
        key, "relation", "", f"{name} and scores, both minus the model's mean; coefficients are in the table below.",
        {"x": name, "series": series, "choice": "Task"},
    )  # fmt: skip


def _points(values: Mapping[str, Any], scores: Mapping[str, Any]) -> list[list[Any]]:
    return [
        [x, y, f"{model}, {dataset}"]
        for model, xs, ys in zip(values["models"], values["centred"], scores["centred"], strict=True)
        for dataset, x, y in zip(values["datasets"], xs, ys, strict=True)
        if x is not None and y is not None
    ]
