"""A comparison of weights as lines for a terminal; it computes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from dataselect.reports.numbers import fixed, percent, short, signed
from dataselect.reports.sections.layer_changes import carried, over


def lines(document: Mapping[str, Any]) -> Iterator[str]:
    """The lines to print for the content of a `layers.json`, plain ASCII apart from names."""
    for line in _lines(document):
        yield line.replace("\N{MINUS SIGN}", "-").replace("\N{EN DASH}", "-").replace("°", " deg")


def _lines(document: Mapping[str, Any]) -> Iterator[str]:
    for run in document["runs"]:
        yield from _run(run)
    for found in document["correlations"]:
        yield from _correlation(found)
    if document["representations"]:
        yield from _representations(document["representations"])
    if document["correlations"]:
        yield document["caution"]


def _run(run: Mapping[str, Any]) -> Iterator[str]:
    yield f"{run['name']} ({run['kind']}) against {run['base']}: relative change {_share(run['relative_change'])}"
    yield f"  {'layer':>6}{'depth':>8}{'change':>11}{'angle':>11}{'eff. rank':>11}{'share':>9}"
    for one in run["layers"]:
        yield (
            f"  {one['layer']:>6}{fixed(one['position'], 2):>8}{_share(one['relative_change']):>11}"
            f"{short(one['angle']):>11}{short(one['effective_rank']):>11}{percent(one['share']):>9}"
        )
    most = sorted(run["tensors"], key=lambda one: (-(one["relative_change"] or 0.0), one["name"]))[:3]
    if most:
        yield "  most changed: " + ", ".join(f"{one['name']} {_share(one['relative_change'])}" for one in most)
    refused = run["not_compared"]
    if refused:
        yield f"  {len(refused)} tensors not compared; the first, {refused[0]['name']}: {refused[0]['reason']}"
    yield ""


def _share(value: float | None) -> str:
    """A relative change, as a percentage of few digits."""
    return "-" if value is None else f"{100 * value:.3g} %"


def _correlation(found: Mapping[str, Any]) -> Iterator[str]:
    yield f"Correlation of relative change with {found['outcome']} over {over(found)}, {found['group']}:"
    if found["few"]:
        yield "  these are few runs: intervals are too narrow, and below five (correlations: four) there are none"
    for one in found["depths"]:
        both = ", ".join(f"{name} {_estimate(one[name])}" for name in ("pearson", "spearman"))
        yield f"  {fixed(one['position'], 2)}  {both}"
    if found["middle"]["value"] is not None:
        yield f"  middle third minus the rest: {_estimate(found['middle'])}"
    for warning in carried(found):
        yield f"  {warning}"
    for apart in found["apart"]:
        yield f"  apart ({apart['group']}): {', '.join(apart['runs'])}"
    if found["without_gain"]:
        yield f"  without a gain: {', '.join(found['without_gain'])}"
    yield ""


def _estimate(found: Mapping[str, Any]) -> str:
    shown, left_out = signed(found["value"], 2), found["leave_one_out"]
    ends = "" if found["low"] is None else f" [{signed(found['low'], 2)}, {signed(found['high'], 2)}]"
    if left_out["low"] is None:
        return shown + ends
    return f"{shown}{ends}, without one run {signed(left_out['low'], 2)} to {signed(left_out['high'], 2)}"


def _representations(found: Mapping[str, Any]) -> Iterator[str]:
    models = found["models"]
    yield f"Intrinsic dimension of {found['texts']:,} texts by depth ({found['method']}):"
    yield "  " + "".join(f"{name:>16}" for name in ("depth", *(model["name"][:14] for model in models)))
    for index, one in enumerate(models[0]["depths"]):
        values = [model["depths"][index] if index < len(model["depths"]) else None for model in models]
        shown = [fixed(None if v is None else v["dimension"]["value"], 1) for v in values]
        yield "  " + "".join(f"{cell:>16}" for cell in (fixed(one["position"], 2), *shown))
    yield ""
