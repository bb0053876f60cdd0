"""The sections of paired comparisons and of curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dataselect.prediction.grid import OVERALL
from dataselect.prediction.sentences import comparison_verdict, interval
from dataselect.reports.content import Block, Cell, Plot, Section, Table, number, text
from dataselect.reports.numbers import count, decimals, half_width, probability, signed

_TONES = {"second better": "better", "second worse": "worse"}


def comparison_section(document: Mapping[str, Any]) -> Section:
    """A plot and a table for every comparison."""
    about = (
        "Second minus first in the task's own direction, between runs that differ in nothing else. Pairs of one model, "
        "or of one data set, are no independent witnesses: each difference has an interval over models and one over "
        "data sets, and p is the larger of the two: shown means shown for both. The plot is in standard deviations "
        "of these runs' scores around their models' means."
    )
    found = document["comparisons"]
    blocks = [Block(paragraphs=(about,))]
    for place, name in enumerate(dict.fromkeys(one["comparison"] for one in found)):
        blocks.append(_comparison(f"comparison-{place}", name, [one for one in found if one["comparison"] == name]))
    return Section("comparisons", "Paired comparisons", tuple(blocks))


def _comparison(key: str, name: str, found: Sequence[Mapping[str, Any]]) -> Block:
    first = found[0]
    headers = (
        "Task", "Pairs", "Second better in", "Difference, over models (95 %)", "Models",
        "Difference, over data sets (95 %)", "Data sets", "p", "p after Holm", "Verdict",
    )  # fmt: skip
    table = Table(key, name, headers, tuple(map(_cells, found)))
    points = []
    for one in found:
        over = one["over_models"]
        if one["unit"] and over["ci_low"] is not None:
            scaled = [value / one["unit"] for value in (over["estimate"], over["ci_low"], over["ci_high"])]
            tone = _TONES.get(comparison_verdict(one), "none")
            points.append(
                {"label": one["task"], "range": scaled, "tone": tone, "hover": f"{one['task']}: {interval(over)}"}
            )
    plot = Plot(
        f"{key}-plot", "effects", "", f"{name}: differences in standard deviations with 95 % intervals over models.",
        {"title": "second minus first, standard deviations", "points": points},
    )  # fmt: skip
    told = f"First: {first['first']}; second: {first['second']}."
    return Block(title=name, paragraphs=(told,), plots=(plot,) if points else (), tables=(table,))


def _cells(one: Mapping[str, Any]) -> tuple[Cell, ...]:
    widths = [half_width(one[over]["ci_low"], one[over]["ci_high"]) for over in ("over_models", "over_datasets")]
    places = decimals(min((width for width in widths if width), default=None), one["estimate"])
    verdict = comparison_verdict(one)
    return (
        text(one["task"]),
        number(count(one["n"]), one["n"]),
        number(count(one["positive"]), one["positive"]),
        number(interval(one["over_models"], places), one["over_models"]["estimate"]),
        number(count(one["over_models"]["n"]), one["over_models"]["n"]),
        number(interval(one["over_datasets"], places), one["over_datasets"]["estimate"]),
        number(count(one["over_datasets"]["n"]), one["over_datasets"]["n"]),
        number(probability(one["p"]), one["p"]),
        number(probability(one["p_holm"]), one["p_holm"]),
        Cell(verdict, verdict, _TONES.get(verdict, "none")),
    )


def curve_section(document: Mapping[str, Any]) -> Section:
    """One plot for all curves along the same column, with a choice of the task, and a table for each curve."""
    about = (
        "Change since the lowest value, for the same model, averaged over models with Student's 95 % interval; all "
        "points of a curve are over the same models. Neighbouring points share their runs' history and go together."
    )
    found = document["curves"]
    blocks = [Block(paragraphs=(about,))]
    for place, x in enumerate(dict.fromkeys(one["x"] for one in found)):
        mine = [one for one in found if one["x"] == x]
        ordered = sorted(mine, key=lambda one: one["task"] != OVERALL)
        series = [{"amount": one["task"], "label": one["name"], "points": _points(one)} for one in ordered]
        plot = Plot(
            f"curve-{place}-plot", "curves", "", f"Change along {x}; the numbers are in the tables below.",
            {"x": x, "series": series, "choice": "Task"},
        )  # fmt: skip
        tables = tuple(
            _curve(f"curve-{place}-{n}", name, [one for one in mine if one["name"] == name])
            for n, name in enumerate(dict.fromkeys(one["name"] for one in mine))
        )
        blocks.append(Block(title=f"Along {x}", plots=(plot,), tables=tables))
    return Section("curves", "Curves", tuple(blocks))


def _points(one: Mapping[str, Any]) -> list[list[float | None]]:
    changes = [(point["x"], point["change"]) for point in one["points"]]
    return [[x, change["estimate"], change["ci_low"], change["ci_high"]] for x, change in changes]


def _curve(key: str, name: str, found: Sequence[Mapping[str, Any]]) -> Table:
    values = list(dict.fromkeys(point["x"] for one in found for point in one["points"]))
    headers = ("Task", "Models", f"Highest at {found[0]['x']}", *(f"{value:g}" for value in values))
    rows = []
    for one in found:
        widths = [w for p in one["points"] if (w := half_width(p["change"]["ci_low"], p["change"]["ci_high"]))]
        largest = max(abs(p["change"]["estimate"]) for p in one["points"])
        places = decimals(min(widths, default=None), largest)
        known = {point["x"]: point["change"] for point in one["points"]}
        cells = [number(_change(known.get(value), places), _estimate(known.get(value))) for value in values]
        models = len(one["models"])
        rows.append(
            (text(one["task"]), number(count(models), models), number(f"{one['best_x']:g}", one["best_x"]), *cells)
        )
    return Table(key, f"Change since {values[0]:g}: {name}", headers, tuple(rows))


def _change(mean: Mapping[str, Any] | None, places: int) -> str:
    if mean is None or mean["ci_low"] is None or mean["ci_low"] == mean["ci_high"]:
        return signed(None if mean is None else mean["estimate"], places)
    return f"{signed(mean['estimate'], places)} ({signed(mean['ci_low'], places)} to {signed(mean['ci_high'], places)})"


def _estimate(mean: Mapping[str, Any] | None) -> float | None:
    return None if mean is None else mean["estimate"]
