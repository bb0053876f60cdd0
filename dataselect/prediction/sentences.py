"""The findings of an analysis as plain sentences, made from its document; they compute nothing.

A sentence says how many runs, models and data sets a number stands on, and never says more than its interval: what is
not shown is not shown to be absent.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from dataselect.prediction.finding import counted
from dataselect.prediction.grid import OVERALL
from dataselect.reports.numbers import decimals, fixed, half_width, percent, probability, signed

Part = Mapping[str, Any]
_ALPHA = 0.05
_FEW = 3


def interval(part: Part, places: int | None = None, key: str = "estimate") -> str:
    """A number with its interval, both with a sign."""
    value, low, high = part[key], part["ci_low"], part["ci_high"]
    if places is None:
        places = decimals(half_width(low, high), value)
    if value is None:
        return signed(None, places)
    ends = "no interval" if low is None else f"95 %: {signed(low, places)} to {signed(high, places)}"
    return f"{signed(value, places)} ({ends})"


def association(part: Part, tests: int) -> str:
    """One property and one task."""
    where = {"one model": f"under {part['model']}", "pooled": "all models pooled", "centred": "centred per model"}
    about = f"{part['property']} and {'gain' if part['needs_baseline'] else 'score'} on {part['task']}"
    about += f" ({part['method']}, {where[part['scope']]}"
    if part["note"]:
        return f"{about}): no number, because {part['note']}."
    over = f"{part['n']} runs, {part['n_datasets']} data sets"
    spearman = next(e for e in part["estimates"] if e["coefficient"] == "Spearman" and e["given"] is None)
    p, corrected = part["p"], part["p_holm"]
    shown = "no relation shown" if corrected is None or corrected >= _ALPHA else "a relation"
    told = "" if p is None else f"; p {probability(p)}, {probability(corrected)} after Holm over {tests:,} tests"
    return f"{about}, {over}): Spearman {interval(spearman, 2)}{told}: {shown}."


def glance(document: Part) -> Iterator[str]:
    """What a reader must know first."""
    yield _size(document)
    yield _checks(document)
    yield from _best(document)
    yield from _properties(document)
    yield from _skill(document)
    yield from _agree(document)
    yield from _compared(document)
    yield from _moved(document)


def _size(document: Part) -> str:
    source = document["source"]
    excluded = f", {source['excluded']:,} of them excluded" if source["excluded"] else ""
    return (
        f"{source['name']} has {counted(source['rows'], 'row')}{excluded}: {counted(source['models'], 'model')}, "
        f"{counted(source['datasets'], 'data set')}, {counted(source['tasks'], 'task')}."
    )


def _checks(document: Part) -> str:
    serious = sum(one["severity"] == "serious" for one in document["findings"])
    notes = len(document["findings"]) - serious
    told = f"The checks have {counted(serious, 'serious finding')} and {counted(notes, 'note')}."
    return f"{told} Read them before the numbers." if serious else told


def _best(document: Part) -> Iterator[str]:
    for one in _overall(document["extremes"]):
        first, last = one["effects"][0], one["effects"][-1]
        places = decimals(half_width(first["effect"]["ci_low"], first["effect"]["ci_high"]))
        lead = one["lead"]
        sure = lead["ci_low"] is not None and lead["ci_low"] > 0
        second = one["effects"][1]["dataset"]
        yield (
            f"{one['method']}, {_of(one['task'])}: best is {first['dataset']}, {interval(first['effect'], places)}, "
            f"worst {last['dataset']}, {interval(last['effect'], places)}, each against the mean of its model, over "
            f"{len(one['models'])} models. The lead over {second} is {'' if sure else 'not '}shown: "
            f"{interval(lead, places)}."
        )


def _properties(document: Part) -> Iterator[str]:
    tests = document["tests"]["associations"]
    if not document["source"]["properties"]:
        yield "No property of the data is in the table, so whether one predicts the scores was not looked at."
        return
    tested = [one for one in document["associations"] if one["p"] is not None]
    held = [one for one in tested if one["p_holm"] < _ALPHA]
    yield f"Of {len(tested):,} tests of a property against a task, {len(held):,} hold after Holm's correction."
    scopes = {one["scope"] for one in tested}
    wanted = "centred" if "centred" in scopes else "one model"
    yield from (association(one, tests) for one in _overall(document["associations"]) if one["scope"] == wanted)


def _skill(document: Part) -> Iterator[str]:
    for one in _overall(document["predictions"]):
        if one["target"] == "centred score" and one["skill"] is not None:
            yield (
                f"{one['method']}, {_of(one['task'])}: predicted for a model from the others by {one['predictor']}, "
                f"the error falls from {fixed(one['rmse_without'], 2)} to {fixed(one['rmse'], 2)}; skill "
                f"{interval(one, 2, 'skill')} over {one['n_models']} models."
            )


def _agree(document: Part) -> Iterator[str]:
    for one in _overall(document["agreements"]):
        if one["general_share"] is not None:
            yield (
                f"{one['method']}, {_of(one['task'])}: any two models agree on the data sets by Pearson "
                f"{interval(one['pearson'], 2)}; {percent(one['general_share'])} of what differs within models is "
                f"general, where noise alone would give {percent(one['by_chance'])}."
            )


def _compared(document: Part) -> Iterator[str]:
    for one in _overall(document["comparisons"]):
        shown = comparison_verdict(one)
        yield (
            f"{one['comparison']}, {_of(one['task'])}: {signed(one['estimate'], 2)} over {one['n']} pairs, "
            f"{interval(one['over_models'], 2)} over {one['over_models']['n']} models and "
            f"{interval(one['over_datasets'], 2)} over {one['over_datasets']['n']} data sets: {shown}."
        )


def comparison_verdict(one: Part) -> str:
    """What a paired difference says after Holm's correction; p is already the larger of the two units'."""
    if one["p_holm"] is None:
        return "too few units"
    if one["p_holm"] >= _ALPHA:
        return "no difference shown"
    return "second better" if one["estimate"] > 0 else "second worse"


def _moved(document: Part) -> Iterator[str]:
    for one in _overall(document["curves"]):
        best = next(point for point in one["points"] if point["x"] == one["best_x"])
        last = one["points"][-1]
        yield (
            f"{one['name']}, {_of(one['task'])}: highest at {one['x']} {best['x']:g}, "
            f"{interval(best['change'], 2)} since {one['x']} {one['points'][0]['x']:g}; at {last['x']:g} "
            f"{interval(last['change'], 2)}, over {len(one['models'])} models."
        )


def _overall(parts: list[Part]) -> list[Part]:
    """Those about the mean over tasks; where there is none, about the first few tasks."""
    tasks = list(dict.fromkeys(one["task"] for one in parts))
    wanted = [OVERALL] if OVERALL in tasks else tasks[:_FEW]
    return [one for one in parts if one["task"] in wanted]


def _of(task: str) -> str:
    return "mean over tasks in standard deviations" if task == OVERALL else task
