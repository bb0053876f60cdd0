"""The sentence of a recommendation: what to train on, what to expect of it, and how that was decided.

A difference from random is in the metric of the task; of several tasks it is their mean, in standard deviations of an
item of the untrained model, and the sentence says so. Zero has no sign.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dataselect.reports.audit import many

_METRICS = {"nll": "NLL", "bits_per_byte": "bits per byte"}
SEVERAL = "standard deviations of an item"
"""The unit of the objective of several tasks."""


def sentence_of(document: Mapping[str, Any]) -> str:
    """One paragraph, from the document of a recommendation alone."""
    expected = [_expected(one, document) for one in document["tasks"]]
    parts = [_what(document), *map(unmoved_words, document["unmoved"]), *expected, _harm(document), _how(document)]
    return " ".join(part for part in parts if part)


def _what(document: Mapping[str, Any]) -> str:
    rows = f"{many(document['rows'], 'row')} ({many(document['tokens'], 'token')})"
    removed = f" after removing {_phrase(document['removed_in_words'])}" if document["removed_in_words"] else ""
    if document["decision"] == "better":
        rule = "drawn by chance" if document["strategy"] == "random" else f"chosen by {document['strategy']}"
        return f"Train on {document['file']}: {rows}, {_sources(document)}, {rule}{removed}."
    return (
        f"{_undecided(document)}; {document['file']} is a clean random subset: {rows}, {_sources(document)}{removed}."
    )


def _undecided(document: Mapping[str, Any]) -> str:
    gap, finalist = document["gap"], document["finalist"]
    if gap is None or finalist is None:
        return "No candidate was shown to beat random at this budget"
    several = len(document["tasks"]) > 1
    only, unit = (gap, SEVERAL) if several else (document["tasks"][0]["to_random"], _metric(document["tasks"][0]))
    mean = f", the mean of {len(document['tasks'])} tasks" if several else ""
    figures = f"{_number(only['estimate'])} {unit}{_interval(only, document)}{mean}"
    if document["decision"] == "equivalent":
        return (
            f"Random is as good as the best candidate, {finalist} ({figures}), within {document['margin']:.3g} {unit}"
        )
    if document["decision"] == "worse":
        return f"The best candidate of the search, {finalist}, is worse than random on the sealed items ({figures})"
    seen = document["detectable"]
    would = f"; an effect of {seen:.2g} {unit} would have been seen in 80 % of such searches" if seen else ""
    return f"No candidate was shown to beat random at this budget: the best, {finalist}, differs by {figures}{would}"


def _sources(document: Mapping[str, Any]) -> str:
    found = document["sources"]
    if len(found) == 1:
        return f"all from {next(iter(found))}"
    return ", ".join(f"{100 * share:.0f} % from {name}" for name, share in found.items())


def _expected(task: Mapping[str, Any], document: Mapping[str, Any]) -> str:
    metric = metric_words(task["metric"])
    base = task["to_untrained"]
    if base["estimate"] == base["ci_low"] == base["ci_high"] == 0:
        return f"Expected on {task['task']}: {metric} stays {task['untrained']:.3g}."
    said = f"{_number(base['estimate'])}{_interval(base, document)} against the untrained model"
    if document["decision"] == "better":
        random = task["to_random"]
        said += f", {difference_words(random)} against the same number of random tokens"
    at = ""
    if document["asked"] and document["budget"] < 0.95 * document["asked"]:
        at = f", measured with {document['budget']:,} tokens of them"
    return f"Expected on {task['task']}{at}: {metric} {said}."


def _harm(document: Mapping[str, Any]) -> str:
    gain = document["gain"]
    if document["decision"] != "better" and gain["ci_high"] is not None and gain["ci_high"] < 0:
        return "Training on this data harms the task: random rows do worse than no training."
    return ""


def _how(document: Mapping[str, Any]) -> str:
    tasks, took = document["tasks"], duration_words(document["minutes"])
    items = many(sum(one["n_items"] for one in tasks), "item")
    if len(tasks) > 1:
        each = ", ".join(f"{one['n_items']:,} of {one['task']}" for one in tasks)
        items += f" ({each})"
    return (
        f"Decided after {many(document['trainings'], 'training')}, {took}; "
        f"the figures are from {many(tasks[0]['n_seeds'], 'seed')} and {items} that the search did not see."
    )


def duration_words(minutes: float) -> str:
    """Whole minutes in words."""
    return many(round(minutes), "minute") if round(minutes) else "less than a minute"


def unmoved_words(one: Mapping[str, Any]) -> str:
    """What to do about a task on which every model of a search had the same outcomes.

    Args:
        one: Its name, its steering `items`, and whether any of them was `answered`.
    """
    items = (
        f"{many(one['items'], 'item')} of {one['task']} that {'steers' if one['items'] == 1 else 'steer'} the search"
    )
    if not one["answered"]:
        return (
            f"No model, trained or not, answered any of the {items}, so this task cannot steer it: give its written "
            "answers as a likelihood task (held-out:FILE of questions and answers), or as choices."
        )
    return (
        f"No training changed the outcome of any of the {items}, so this task cannot steer it: give items of which the "
        "model gets some right and some wrong, or answers as a likelihood task (held-out:FILE)."
    )


def _metric(task: Mapping[str, Any]) -> str:
    return metric_words(task["metric"])


def metric_words(metric: str) -> str:
    """The metric as a sentence says it."""
    return _METRICS.get(metric, metric)


def difference_words(gap: Mapping[str, Any] | None) -> str:
    """A difference with its interval: `−0.05 (−0.09 to −0.01)`."""
    return "unknown" if gap is None else f"{_number(gap['estimate'])}{_interval(gap, None)}"


def _number(value: float) -> str:
    if value == 0:
        return "0"
    return f"{value:+.2g}".replace("-", "−") if abs(value) < 0.1 else f"{value:+.2f}".replace("-", "−")


def _interval(gap: Mapping[str, Any], document: Mapping[str, Any] | None) -> str:
    if gap["ci_low"] is None or gap["ci_high"] is None:
        return ""
    level = f"{100 * (1 - document['level']):.4g} %: " if document is not None else ""
    return f" ({level}{_number(gap['ci_low'])} to {_number(gap['ci_high'])})"


def _phrase(words: str) -> str:
    """`a, b, c` as `a, b and c`."""
    first, comma, last = words.rpartition(", ")
    return f"{first} and {last}" if comma else words
