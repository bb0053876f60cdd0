"""The page of `dataselect recommend`: what to train on, in a sentence, a figure and a few facts; the rest is folded.

It is drawn from `recommendation.json` alone and needs no script. The figure sets the final, from sealed items and
fresh seeds, apart from the estimates of the search, which steered it and favour whatever came first. All differences
keep the sign of the metric, as in the sentence, and the good side of the axis is shaded: for a metric of which less is
better that is the left. With several tasks the search is in standard deviations of an item of the untrained model, and
more is better.

Left out: any number that the document does not hold; no interval is computed here.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from dataselect.reports.audit import many
from dataselect.reports.forest import Forest, ForestGroup, ForestRow, best_first
from dataselect.reports.numbers import BETTER_IS, fixed, percent
from dataselect.reports.recommendation_tables import tables_of

_HERE = Path(__file__).parent
_TITLES = {
    "better": "Shown to be better than random",
    "equivalent": "As good as random, within the margin",
    "undecided": "Not shown to beat random",
    "worse": "Random is better",
    "none": "No candidate reached the final",
}
_TONES = {"better": "better", "worse": "worse"}
_MOST = 12
"""Candidates in the figure; the table below holds all."""

Document = Mapping[str, Any]


def recommendation_page(document: Document) -> str:
    """The page as text.

    Args:
        document: The content of `recommendation.json`.
    """
    environment = Environment(
        loader=FileSystemLoader(_HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.get_template("recommendation.html.jinja").render(
        document=document,
        style=Markup((_HERE / "report.css").read_text(encoding="utf-8")),
        kicker=_TITLES.get(document["decision"], document["decision"]),
        forest=recommendation_forest(document),
        cost=_cost(document),
        sure=_sure(document),
        removed=_removed(document),
        sources=_sources(document),
        tables=tables_of(document),
        notes=[f"{note[:1].upper()}{note[1:]}" for note in document.get("notes") or ()],
    )


def recommendation_forest(document: Document) -> Forest | None:
    """The final result above the candidates' latest estimates, best first; None if there is neither."""
    tasks = document["tasks"]
    lower = len(tasks) == 1 and tasks[0]["direction"] == "lower"
    title = "Difference from random at the same tokens"
    if len(tasks) == 1:
        unit = f"{tasks[0]['metric']} of {tasks[0]['task']}, {BETTER_IS[tasks[0]['direction']]}"
    else:
        unit = "mean over the tasks, in standard deviations of an item; more is better"
    groups = [_final_group(document), _search_group(document, lower)]
    kept = tuple(group for group in groups if group.rows)
    if not kept:
        return None
    hidden = len({one["arm"] for one in document.get("search") or ()}) - len(groups[1].rows)
    level = f"{100 * (1 - document.get('level', 0.05)):.4g} %"
    note = f"Lines are intervals, {level} in the final." if groups[0].rows else "Lines are intervals."
    if groups[1].rows:
        note += " Those of the search steered it: what came first is estimated too well."
    if hidden > 0:
        further = "further candidate is" if hidden == 1 else f"{hidden} further candidates are"
        note += f" The {further} in the table of decisions."
    return Forest(f"{title}: {unit}", kept, lower, note.strip())


def _final_group(document: Document) -> ForestGroup:
    tasks = document["tasks"]
    combined = document.get("gap")
    found = []
    if len(tasks) == 1:
        found = [(_finalist(document), tasks[0].get("to_random"), tasks[0])]
    elif combined:
        found = [(_finalist(document), combined, tasks[0])]
    rows = tuple(
        ForestRow(
            name, to["estimate"], to["ci_low"], to["ci_high"], _TONES.get(document["decision"], "none"),
            f"{many(task['n_seeds'], 'seed')} a side",
        )
        for name, to, task in found
        if to
    )  # fmt: skip
    items = " + ".join(f"{task['n_items']:,}" for task in tasks)
    ending = "s" * (items != "1")
    return ForestGroup(f"Final: {items} sealed item{ending}, fresh seeds", rows, apart=True)


def _finalist(document: Document) -> str:
    return str(document.get("finalist") or document["candidate"])


def _search_group(document: Document, lower: bool) -> ForestGroup:
    """Of every candidate the decision at the largest budget that it reached; gains become differences of the metric."""
    latest: dict[str, Mapping[str, Any]] = {}
    for one in sorted(document.get("search") or (), key=lambda one: one["budget"]):
        latest[one["arm"]] = one
    rows = [_search_row(one, -1 if lower else 1) for one in latest.values()]
    shown = best_first(rows, lower)[:_MOST]
    return ForestGroup("Search: steering items, short trainings", shown)


def _search_row(one: Mapping[str, Any], sign: int) -> ForestRow:
    detail = f"{many(one['budget'], 'token')}, {many(one['seeds'], 'seed')}"
    if one["decision"] == "failed" or one["estimate"] is None:
        return ForestRow(one["arm"], None, detail=detail, failure=f"failed: {one['reason']}")
    ends: tuple[float | None, float | None] = (None, None)
    if one["low"] is not None and one["high"] is not None:
        ends = (min(sign * one["low"], sign * one["high"]), max(sign * one["low"], sign * one["high"]))
    return ForestRow(one["arm"], sign * one["estimate"], *ends, _TONES.get(one["decision"], "none"), detail)


def _cost(document: Document) -> list[str]:
    """Rows, tokens and minutes of one training on the recommended rows."""
    lines = [f"{many(document['rows'], 'row')}, {many(document['tokens'], 'token')}"]
    speed = (document.get("plan") or {}).get("train_tokens_per_second")
    epochs = (document.get("recipe") or {}).get("epochs", 1)
    passes = "one epoch" if epochs == 1 else f"{epochs:g} epochs"
    if not speed:
        return [*lines, f"{passes}; the speed was not measured"]
    minutes = epochs * document["tokens"] / speed / 60
    return [
        *lines,
        f"about {_duration(minutes)} for {passes} on this machine",
        f"measured: {speed:,.0f} tokens a second",
    ]


def _duration(minutes: float) -> str:
    if minutes < 1:
        return many(round(60 * minutes), "second")
    return many(round(minutes), "minute") if minutes < 90 else f"{minutes / 60:.1f} hours"


def _sure(document: Document) -> list[str]:
    """What the answer rests on, one line each."""
    lines = [
        f"{task['task']}: {many(task['n_items'], 'sealed item')}, read by the final only; "
        f"{many(task['n_seeds'], 'fresh seed')} a side"
        for task in document["tasks"]
    ]
    looks = document.get("looks") or ()
    if looks:
        spent = max(sum(x["alpha"] for x in looks if x["arm"] == arm) for arm in {x["arm"] for x in looks})
        lines.append(
            f"{many(len(looks), 'look')} in the search, at most {fixed(spent, 3)} of 0.05 error spent on a candidate"
        )
    trained = f"{many(document['trainings'], 'training')} on {many(document['train_tokens'], 'token')}"
    lines.append(f"{trained}, {_duration(document['minutes'])} in all")
    return lines


def _removed(document: Document) -> list[str]:
    if document.get("removed_in_words"):
        return str(document["removed_in_words"]).split(", ")
    removed = document.get("removed") or {}
    return [f"{number:,} {reason.replace('_', ' ')}" for reason, number in removed.items() if number] or ["Nothing"]


def _sources(document: Document) -> list[str]:
    """Shares of the recommended rows by pool, the largest first, and how they were chosen."""
    shares = sorted((document.get("sources") or {}).items(), key=lambda one: -one[1])
    lines = [f"{percent(share)} from {name}" for name, share in shares if share]
    return [*lines, "drawn by chance" if document["strategy"] == "random" else f"chosen by {document['strategy']}"]
