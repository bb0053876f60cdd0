"""The section that sets the change of each depth against the gain, over runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dataselect.reports.content import Block, Cell, Plot, Section, Table, number, text
from dataselect.reports.numbers import ABSENT, fixed, percent, short, signed


def gain_section(layers: Mapping[str, Any]) -> Section:
    """The correlation of change and gain by relative depth, one block per outcome."""
    blocks = [_block(place, found) for place, found in enumerate(layers["correlations"])]
    return Section("gain", "Change and gain", (Block(paragraphs=(layers["caution"],)), *blocks))


def _block(place: int, found: Mapping[str, Any]) -> Block:
    title = f"Correlation with {found['outcome']} over {_runs(len(found['runs']))}"
    series = [_series(name, found["depths"]) for name in ("pearson", "spearman")]
    data = {"series": series, "x_title": "relative depth", "y_title": "correlation", "zero": True}
    headers = ("Relative depth", "Pearson", "95 % interval", "Spearman", "95 % interval")
    table = Table(f"gain-{place}-table", "Correlation by depth", headers, tuple(map(_cells, found["depths"])), True)
    runs = Table(
        f"gain-{place}-runs", "Gains", ("Run", "Gain"),
        tuple((text(name), number(short(gain), gain)) for name, gain in found["gains"].items()), folded=True,
    )  # fmt: skip
    plots = (Plot(f"gain-{place}", "bandedCurves", "", f"{title}; the table below holds the numbers.", data),)
    return Block(title, _sentences(found), plots=plots, tables=(table, runs))


def _runs(number_: int) -> str:
    return f"{number_} run{'' if number_ == 1 else 's'}"


def _sentences(found: Mapping[str, Any]) -> tuple[str, ...]:
    lines = []
    if found["few"]:
        lines.append(
            f"{_runs(len(found['runs']))} are too few to trust any of this: intervals over so few are too narrow, and "
            "below five there are none (nor correlations below four)."
        )
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
    if found["without_gain"]:
        lines.append(f"Without a gain, and left out: {', '.join(found['without_gain'])}.")
    return tuple(lines)


def _interval(found: Mapping[str, Any]) -> str:
    if found["low"] is None:
        return ""
    return f" (95 %: {signed(found['low'], 2)} to {signed(found['high'], 2)})"


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


def _cells(one: Mapping[str, Any]) -> tuple[Cell, ...]:
    cells = [number(fixed(one["position"], 2), one["position"])]
    for name in ("pearson", "spearman"):
        found = one[name]
        cells.append(number(signed(found["value"], 2), found["value"]))
        shown = ABSENT if found["low"] is None else f"{signed(found['low'], 2)} to {signed(found['high'], 2)}"
        cells.append(number(shown, found["low"]))
    return tuple(cells)
