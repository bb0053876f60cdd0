"""The section of representations: their intrinsic dimension by depth, before and after."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dataselect.reports.content import Block, Cell, Plot, Section, Table, number, text
from dataselect.reports.numbers import ABSENT, count, fixed


def representation_section(representations: Mapping[str, Any], most: int) -> Section:
    """Intrinsic dimensions by depth of the base and the first `most` tuned models."""
    models = representations["models"]
    about = (
        f"The mean hidden state of {count(representations['texts'])} texts at each depth, 0 being the embedding; "
        f"{representations['method']}. Few points make a high dimension look smaller, for all models alike."
    )
    data = {
        "series": [_series(model) for model in models[: most + 1]],
        "x_title": "relative depth", "y_title": "intrinsic dimension", "from_zero": True,
    }  # fmt: skip
    plot = Plot(
        "dimension", "bandedCurves", "", "Intrinsic dimension by depth; the table below holds the numbers.", data
    )
    headers = ("Model", "Index", "Intrinsic dimension", "95 % interval", "Distinct points", "Duplicates left out")
    rows = tuple(_cells(model["name"], one) for model in models for one in model["depths"])
    table = Table("dimension-table", "Intrinsic dimension by depth", headers, rows, folded=True)
    return Section(
        "representations", "Intrinsic dimension", (Block(paragraphs=(about,), plots=(plot,), tables=(table,)),)
    )


def _series(model: Mapping[str, Any]) -> dict[str, Any]:
    depths = model["depths"]
    return {
        "name": model["name"],
        "x": [one["position"] for one in depths],
        **{key: [one["dimension"][name] for one in depths] for key, name in _NAMES.items()},
        "hover": [f"{model['name']}, index {one['index']}: {fixed(one['dimension']['value'], 1)}" for one in depths],
    }


_NAMES = {"y": "value", "low": "low", "high": "high"}


def _cells(name: str, one: Mapping[str, Any]) -> tuple[Cell, ...]:
    found = one["dimension"]
    low = found["low"]
    return (
        text(name),
        number(count(one["index"]), one["index"]),
        number(fixed(found["value"], 1), found["value"]),
        number(ABSENT if low is None else f"{fixed(low, 1)} to {fixed(found['high'], 1)}", low),
        number(count(found["points"]), found["points"]),
        number(count(found["duplicates"]), found["duplicates"]),
    )
