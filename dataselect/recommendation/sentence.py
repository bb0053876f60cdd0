"""The sentence of a recommendation: what to train on, what to expect of it, and how that was decided."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_METRICS = {"nll": "NLL", "bits_per_byte": "bits per byte"}


def sentence_of(document: Mapping[str, Any]) -> str:
    """One paragraph, from the document of a recommendation alone."""
    parts = [_what(document), *[_expected(one, document) for one in document["tasks"]], _harm(document), _how(document)]
    return " ".join(part for part in parts if part)


def _what(document: Mapping[str, Any]) -> str:
    rows = f"{document['rows']:,} rows ({document['tokens']:,} tokens)"
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
    only = document["tasks"][0]["to_random"] if len(document["tasks"]) == 1 else gap
    figures = f"{_number(only['estimate'])}{_interval(only, document)}"
    if document["decision"] == "equivalent":
        return f"Random is as good as the best candidate, {finalist} ({figures}), within {document['margin']:.3g}"
    if document["decision"] == "worse":
        return f"The best candidate of the search, {finalist}, is worse than random on the sealed items ({figures})"
    seen = document["detectable"]
    would = f"; an effect of {seen:.2g} would have been seen in 80 % of such searches" if seen else ""
    return f"No candidate was shown to beat random at this budget: the best, {finalist}, differs by {figures}{would}"


def _sources(document: Mapping[str, Any]) -> str:
    found = document["sources"]
    if len(found) == 1:
        return f"all from {next(iter(found))}"
    return ", ".join(f"{100 * share:.0f} % from {name}" for name, share in found.items())


def _expected(task: Mapping[str, Any], document: Mapping[str, Any]) -> str:
    metric = metric_words(task["metric"])
    base = task["to_untrained"]
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
    seeds = document["tasks"][0]["n_seeds"]
    minutes = round(document["minutes"])
    took = "less than a minute" if minutes == 0 else "1 minute" if minutes == 1 else f"{minutes:,} minutes"
    return (
        f"Decided after {document['trainings']} trainings, {took}; "
        f"the figures are from {seeds} seeds and {document['tasks'][0]['n_items']:,} items that the search did not see."
    )


def metric_words(metric: str) -> str:
    """The metric as a sentence says it."""
    return _METRICS.get(metric, metric)


def difference_words(gap: Mapping[str, Any] | None) -> str:
    """A difference with its interval: `−0.05 (−0.09 to −0.01)`."""
    return "unknown" if gap is None else f"{_number(gap['estimate'])}{_interval(gap, None)}"


def _number(value: float) -> str:
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
