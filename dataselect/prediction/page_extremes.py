"""The section of best and worst data sets, per method."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from dataselect.prediction.grid import OVERALL
from dataselect.prediction.sentences import interval
from dataselect.reports.content import Block, Cell, Plot, Section, Table, number, text
from dataselect.reports.numbers import count, decimals, half_width, probability, signed

_EFFECT_HEADERS = ("Data set", "Against its model's mean (95 %)", "p", "p after Holm", "Best for", "Worst for")
_GAIN_HEADERS = ("Gain, sound baselines", "Models", "Gain, all baselines", "Models")
_TASK_HEADERS = (
    "Task",
    "Models",
    "Best",
    "Against the mean (95 %)",
    "Worst",
    "Against the mean (95 %)",
    "Lead of the best (95 %)",
)


def extremes_section(document: Mapping[str, Any]) -> Section:
    """Per method: the mean over tasks in full, then the first and the last of every task."""
    about = (
        "Score minus the mean of the same model over all data sets, averaged over models with Student's 95 % interval; "
        "the unit is the model. This needs no baseline; the gains beside it do. The lead is the best minus the second "
        "best: where its interval holds 0, the first place is not shown. Best and worst are chosen by looking, so both "
        "are told somewhat too far from 0."
    )
    methods = dict.fromkeys(one["method"] for one in document["extremes"])
    blocks = [Block(paragraphs=(about,))]
    for place, method in enumerate(methods):
        blocks += _method(f"extremes-{place}", method, [one for one in document["extremes"] if one["method"] == method])
    return Section("extremes", "Best and worst data sets", tuple(blocks))


def _method(key: str, method: str, found: Sequence[Mapping[str, Any]]) -> list[Block]:
    shown = next((one for one in found if one["task"] == OVERALL), found[0])
    left = {one["task"]: one["left_out"] for one in found if one["left_out"]}
    notes = tuple(
        f"Left out, lacking data sets or scores: {', '.join(names)} ({', '.join(t for t in left if left[t] == names)})."
        for names in map(list, dict.fromkeys(tuple(one) for one in left.values()))
    )
    tables = [
        _effects(f"{key}-main", f"{shown['task']}, {method}", shown, folded=False),
        _first_and_last(key, method, found),
    ]
    tables += [
        _effects(f"{key}-{place}", f"{one['task']}, {method}", one, folded=True)
        for place, one in enumerate(found)
        if one is not shown
    ]
    return [Block(title=method, plots=(_plot(key, shown),), tables=tuple(tables), notes=notes)]


def _plot(key: str, one: Mapping[str, Any]) -> Plot:
    points = [
        {
            "label": effect["dataset"],
            "range": [effect["effect"]["estimate"], effect["effect"]["ci_low"], effect["effect"]["ci_high"]],
            "tone": tone(effect["effect"]),
            "hover": f"{effect['dataset']}: {interval(effect['effect'])}",
        }
        for effect in one["effects"]
        if effect["effect"]["ci_low"] is not None
    ]
    return Plot(
        f"{key}-plot", "effects", "", f"Data sets against the mean of their model, {one['task']}; see the table below.",
        {"title": f"{one['task']}: score minus the model's mean", "points": points},
    )  # fmt: skip


def tone(mean: Mapping[str, Any]) -> str:
    """Better or worse where the interval leaves out 0."""
    if mean["ci_low"] is None or mean["ci_low"] <= 0 <= mean["ci_high"]:
        return "none"
    return "better" if mean["estimate"] > 0 else "worse"


def _effects(key: str, caption: str, one: Mapping[str, Any], folded: bool) -> Table:
    places = _places([effect["effect"] for effect in one["effects"]])
    gains = any(effect["gain"]["n"] for effect in one["effects"])
    rows = tuple(
        (
            text(effect["dataset"]),
            number(interval(effect["effect"], places), effect["effect"]["estimate"]),
            number(probability(effect["effect"]["p"]), effect["effect"]["p"]),
            number(probability(effect["p_holm"]), effect["p_holm"]),
            number(count(effect["best_in"]), effect["best_in"]),
            number(count(effect["worst_in"]), effect["worst_in"]),
            *(_gain(effect, places) if gains else ()),
        )
        for effect in one["effects"]
    )
    headers = (*_EFFECT_HEADERS, *(_GAIN_HEADERS if gains else ()))
    return Table(key, f"{caption}, {len(one['models'])} models", headers, rows, folded=folded)


def _gain(effect: Mapping[str, Any], places: int) -> Iterator[Cell]:
    for mean in (effect["trusted_gain"], effect["gain"]):
        yield number(signed(mean["estimate"], places), mean["estimate"])
        yield number(count(mean["n"]), mean["n"])


def _first_and_last(key: str, method: str, found: Sequence[Mapping[str, Any]]) -> Table:
    rows = []
    for one in found:
        first, last = one["effects"][0], one["effects"][-1]
        places = _places([first["effect"], last["effect"], one["lead"]])
        rows.append(
            (
                text(one["task"]),
                number(count(len(one["models"])), len(one["models"])),
                text(first["dataset"]),
                number(interval(first["effect"], places), first["effect"]["estimate"]),
                text(last["dataset"]),
                number(interval(last["effect"], places), last["effect"]["estimate"]),
                number(interval(one["lead"], places), one["lead"]["estimate"]),
            )
        )
    return Table(f"{key}-tasks", f"First and last on every task, {method}", _TASK_HEADERS, tuple(rows))


def _places(means: Sequence[Mapping[str, Any]]) -> int:
    widths = [width for one in means if (width := half_width(one["ci_low"], one["ci_high"]))]
    return decimals(min(widths, default=None), max((abs(one["estimate"] or 0.0) for one in means), default=None))
