"""The page of `dataselect audit`: what is wrong with the pools, first as one sentence, then finding by finding.

A page without a script: bars are boxes whose width is a share, folded parts are `details`, so that it opens anywhere,
prints as it stands and stays small. Every bar has its number beside it, and severity has a word and a mark besides its
colour. Computes nothing that `audit.json` does not hold.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from dataselect.reports.numbers import count, percent

_HERE = Path(__file__).parent
_SEVERITY = {"serious": "serious", "look": "worth a look", "note": "for information"}
_LENGTHS = {
    "prompt_characters": "Prompt, characters", "response_characters": "Response, characters",
    "response_bytes": "Response, bytes", "response_tokens": "Response, tokens", "total_tokens": "Whole row, tokens",
}  # fmt: skip
_TRAITS = {
    "several_turns": "several answers", "system": "a system text", "tools": "tool definitions",
    "code": "a block of code", "tool_calls": "tool calls", "latex": "LaTeX", "thoughts": "thoughts (<think>)",
}  # fmt: skip
_QUANTILES = ("0.05", "0.25", "0.5", "0.75", "0.95", "0.99", "1")
_LISTED = 8


def audit_page(document: Mapping[str, Any]) -> str:
    """The page as text."""
    environment = Environment(
        loader=FileSystemLoader(_HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"count": count, "percent": small_percent, "bar": _bar, "code": _code}
    pools = document["pools"]
    return environment.get_template("audit.html.jinja").render(
        audit=document,
        style=Markup((_HERE / "report.css").read_text(encoding="utf-8")),
        sentence=sentence(document),
        severity=_SEVERITY,
        lengths=_lengths(pools),
        languages=_side_by_side(pools, lambda pool: pool["languages"]),
        schemas=_side_by_side(pools, lambda pool: pool["formats"]["schemas"]),
        traits=_side_by_side(pools, lambda pool: {_TRAITS[k]: v for k, v in pool["formats"]["traits"].items() if v}),
        not_checked=not_checked(document),
    )


def sentence(document: Mapping[str, Any]) -> str:
    """The main result in a sentence or two."""
    pools, removal = document["pools"], document["removal"]
    rows = f"{document['rows']:,} rows in {many(len(pools), 'pool')}"
    if not document["findings"]:
        return f"Nothing was found in {rows}."
    parts = [
        many(removal["serious"], "row")
        + (" shows" if removal["serious"] == 1 else " show")
        + " a serious fault or text of a task",
        many(removal["duplicates"], "row") + (" repeats" if removal["duplicates"] == 1 else " repeat") + " another",
    ]
    verb = "is" if removal["left"] == 1 else "are"
    left = f"{many(removal['left'], 'row')} {verb} left without {'it' if removal['together'] == 1 else 'them'}"
    rejects = f" {many(document['rejects'], 'record')} could not be read." if document["rejects"] else ""
    if not removal["together"]:
        return f"Of {rows}, none has to go.{rejects}"
    return f"Of {rows}, {parts[0]} and {parts[1]}; {left}.{rejects}"


def small_percent(share: float) -> str:
    """A share as a percentage; one that is not zero is never shown as zero."""
    return "under 0.1 %" if 0 < share < 0.0005 else percent(share)


def many(number: int, what: str) -> str:
    """A number of things, such as "1 row" or "1,200 rows"."""
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"


def _bar(share: float) -> Markup:
    """The style of a bar: its width, at least a hair where there is anything."""
    return Markup(f"width:{max(100 * share, 0.5 if share else 0):.2f}%")


def _code(text: str) -> Markup:
    """Plain text in which what stands in backticks is code."""
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if place % 2 else escape(part)
        for place, part in enumerate(text.split("`"))
    )


def _lengths(pools: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """One table per measure: a row per pool with its mean and quantiles."""
    measures = [name for name in _LENGTHS if name in pools[0]["lengths"]]
    return [
        {
            "title": _LENGTHS[name],
            "rows": [(pool["name"], _cells(pool["lengths"][name])) for pool in pools if pool["rows"]],
        }
        for name in measures
    ]


def _cells(found: Mapping[str, Any]) -> list[str]:
    return [f"{found['mean']:,.0f}", *(f"{found['quantiles'][q]:,.0f}" for q in _QUANTILES)]


def _side_by_side(pools: Sequence[Mapping[str, Any]], counts_of: Any) -> list[dict[str, Any]]:  # noqa: ANN401
    """Of each pool, what there is most of, with counts and shares."""
    found = []
    for pool in pools:
        counts = dict(counts_of(pool))
        first = sorted(counts.items(), key=lambda one: -one[1])
        shown = [{"name": name, "count": n, "share": n / pool["rows"]} for name, n in first[:_LISTED]]
        others = sum(n for _, n in first[_LISTED:])
        if others:
            shown.append({"name": f"{len(first) - _LISTED} others", "count": others, "share": others / pool["rows"]})
        found.append({"pool": pool["name"], "parts": shown})
    return found


def not_checked(document: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Kinds that were not looked for, by reason."""
    reasons: dict[str, list[str]] = {}
    for key, why in document["not_checked"].items():
        reasons.setdefault(why, []).append(key.replace("_", " "))
    return [(", ".join(keys), why) for why, keys in reasons.items()]
