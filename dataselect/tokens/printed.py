"""A token view as lines for a terminal; it computes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from dataselect.reports.numbers import count, percent, signed
from dataselect.reports.tokens_page import CATEGORIES


def lines(document: Mapping[str, Any]) -> Iterator[str]:
    """The lines to print for the content of a `tokens.json`, plain ASCII apart from names and tokens."""
    for line in _lines(document):
        yield line.replace("\N{MINUS SIGN}", "-").replace("\N{EN DASH}", "-")


def _lines(document: Mapping[str, Any]) -> Iterator[str]:
    whole = document["whole"]
    yield f"{count(whole['tokens'])} response tokens of {count(whole['examples'])} examples"
    reasons = [
        f"{count(n)} {name.replace('_', ' ')}" for name, n in document["rows"].items() if n and name != "compared"
    ]
    if reasons:
        yield f"  left out: {', '.join(reasons)}"
    for side in ("base", "tuned"):
        if whole[side] is not None:
            yield f"  under {document[side]}: " + ", ".join(_share(name, whole[side][name]) for name in CATEGORIES)
    yield ""
    yield from _positions(document)
    yield ""
    lists = document["tokens"]
    yield f"make up most of the shifted positions: {_tokens(lists['most_often'], 'of_all')}"
    least = document["min_count"]
    yield f"shifted most often, of {least} occurrences or more: {_tokens(lists['most_likely'], 'share')}"
    if document["tuned"] is not None:
        yield f"gained most: {_changes(lists['gained'])}"
        yield f"lost most: {_changes(lists['lost'])}"


def _positions(document: Mapping[str, Any]) -> Iterator[str]:
    two = document["tuned"] is not None
    yield f"{'positions':>16}{'examples':>10}{'shifted':>10}{'marginal':>10}" + (
        f"{'tuned':>10}{'change':>10}" if two else ""
    )
    for one in document["positions"]:
        span = str(one["first"]) if one["first"] == one["last"] else f"{one['first']} to {one['last']}"
        line = f"{span:>16}{count(one['examples']):>10}"
        line += "".join(f"{percent(one['base'][name]['value']):>10}" for name in ("shifted", "marginal"))
        if two:
            line += f"{percent(one['tuned']['shifted']['value']):>10}{signed(one['change']['value'], 3):>10}"
        yield line


def _share(name: str, found: Mapping[str, Any]) -> str:
    if found["low"] is None:
        return f"{name} {percent(found['value'])}"
    return f"{name} {percent(found['value'])} [{percent(found['low'])}, {percent(found['high'])}]"


def _tokens(found: list[Mapping[str, Any]], share: str) -> str:
    return ", ".join(f"{one['text']} {percent(one[share])}" for one in found[:10]) or "none"


def _changes(found: list[Mapping[str, Any]]) -> str:
    return ", ".join(f"{one['text']} {signed(one['change'], 2)}" for one in found[:10]) or "none"
