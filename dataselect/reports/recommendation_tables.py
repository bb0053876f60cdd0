"""The folded tables of the page of `dataselect recommend`: results, decisions, the looks of the search, provenance."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dataselect.reports.content import Column, Table, cell, number, text
from dataselect.reports.numbers import ABSENT, BETTER_IS, count, decimals, half_width, short, signed

_TONES = {"better": "better", "worse": "worse"}

Values = Mapping[str, Any]


def tables_of(document: Values) -> tuple[Table, ...]:
    """All tables that have a row; their captions are the folded parts' titles."""
    candidates = (_results(document), _decisions(document), _looks(document), _provenance(document))
    return tuple(table for table in candidates if table.rows)


def difference(found: Values | None) -> str:
    """A difference with its 95 % interval in words."""
    if not found:
        return "not compared"
    return _interval(found["estimate"], found["ci_low"], found["ci_high"])


def _interval(estimate: float | None, low: float | None, high: float | None) -> str:
    places = decimals(half_width(low, high), estimate)
    if low is None or high is None:
        return ABSENT if estimate is None else f"{signed(estimate, places)} (no interval)"
    return f"{signed(estimate, places)} ({signed(low, places)} to {signed(high, places)})"


def _results(document: Values) -> Table:
    columns: list[Column] = [
        ("Task", lambda task: text(task["task"])),
        ("Metric", lambda task: text(f"{task['metric']}, {BETTER_IS[task['direction']]}")),
        ("Untrained", lambda task: cell(task["untrained"], short)),
        ("Trained on it", lambda task: cell(task["model"], short)),
        ("Against untrained (95 %)", lambda task: _to(task.get("to_untrained"))),
        ("Against random (95 %)", lambda task: _to(task.get("to_random"))),
        ("Sealed items", lambda task: number(f"{task['n_items']:,}", task["n_items"])),
        ("Seeds a side", lambda task: number(str(task["n_seeds"]), task["n_seeds"])),
    ]
    return Table.of("results", "Results on the sealed items", document["tasks"], columns)


def _to(found: Values | None) -> Any:  # noqa: ANN401 - a TableCell
    return number(difference(found), found["estimate"] if found else None)


def _decisions(document: Values) -> Table:
    columns: list[Column] = [
        ("Candidate", lambda one: text(one["arm"])),
        ("Tokens", lambda one: number(f"{one['budget']:,}", one["budget"])),
        ("Decision", _decision),
        (f"Gain over random, {_unit(document)} (interval of the last look)", _gain),
        ("Seeds", lambda one: number(str(one["seeds"]), one["seeds"])),
        ("Trained tokens", lambda one: cell(one["tokens"], count)),
        ("Why", lambda one: text(one["reason"])),
    ]
    found = document.get("search") or ()
    return Table.of("decisions", "Decision on every candidate", found, columns)


def _unit(document: Values) -> str:
    """The unit of the gains of a search, of which more is better."""
    tasks = document["tasks"]
    return f"in {tasks[0]['metric']}" if len(tasks) == 1 else "in standard deviations of an item"


def _decision(one: Values) -> Any:  # noqa: ANN401 - a TableCell
    made = text(one["decision"])
    return type(made)(made.text, made.sort, _TONES.get(one["decision"], "none"))


def _gain(one: Values) -> Any:  # noqa: ANN401 - a TableCell
    return number(_interval(one["estimate"], one["low"], one["high"]), one["estimate"])


def _looks(document: Values) -> Table:
    columns: list[Column] = [
        ("Candidate", lambda one: text(one["arm"])),
        ("Tokens", lambda one: number(f"{one['budget']:,}", one["budget"])),
        ("Look", lambda one: number(str(one["look"]), one["look"])),
        ("Error spent", lambda one: number(f"{one['alpha']:.4f}", one["alpha"])),
        ("Seeds", lambda one: number(f"{one['seeds']} and {one['control_seeds']}", one["seeds"])),
        (
            f"Gain over random, {_unit(document)}",
            lambda one: number(_interval(one["estimate"], one["low"], one["high"]), one["estimate"]),
        ),
        ("Decision", _decision),
    ]
    caption = "Search log: every look, and the error that it spent (0.05 in all for each candidate)"
    return Table.of("looks", caption, document.get("looks") or (), columns)


def _provenance(document: Values) -> Table:
    """Whatever the plan and the recommendation record, as names and values."""
    found = {"candidate": document["candidate"], "strategy": document["strategy"]}
    found["budget"] = f"{document['budget']} {document['unit']}"
    found |= {str(k): v for k, v in (document.get("plan") or {}).items() if isinstance(v, str | int | float | list)}
    if document.get("stopped_because"):
        found["the search ended because"] = document["stopped_because"]
    rows = [(name.replace("_", " "), value) for name, value in found.items()]
    columns: list[Column] = [("What", lambda row: text(row[0])), ("Value", lambda row: text(_shown(row[1])))]
    return Table.of("provenance", "Plan and provenance", rows, columns)


def _shown(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float | list):
        return str(value)
    if isinstance(value, list):
        return ", ".join(_shown(one) for one in value)
    return f"{value:,}" if isinstance(value, int) else short(value)
