"""The summary of an audit for a terminal: about thirty lines, the most serious first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dataselect.reports.audit import many, not_checked, small_percent

_MARKS = {"serious": "!!", "look": " ?", "note": "  "}
_FINDINGS, _POOLS, _WIDTH = 16, 5, 88


def lines(document: Mapping[str, Any], pools: str = "POOL...", out: str = "DIR") -> list[str]:
    """The summary as lines.

    Args:
        pools: The pools as one types them, for the command that removes rows.
        out: The folder of `rows.parquet`.
    """
    ending = [line.replace("POOL...", pools).replace("DIR/", f"{out}/") for line in _ending(document)]
    return [*_heads(document), "", *_findings(document), *_overlaps(document), "", *ending]


def _heads(document: Mapping[str, Any]) -> list[str]:
    heads = [_head(pool) for pool in document["pools"][:_POOLS]]
    more = len(document["pools"]) - _POOLS
    return heads + ([f"and {many(more, 'more pool')}"] if more > 0 else [])


def _head(pool: Mapping[str, Any]) -> str:
    """One pool in a line."""
    rejects = f", {pool['rejects']:,} unreadable" if pool["rejects"] else ""
    if not pool["rows"]:
        return f"{pool['name']}: no readable row{rejects}"
    schema = next(iter(pool["formats"]["schemas"]))
    length = pool["lengths"]["response_characters"]["quantiles"]
    known = {name: count for name, count in pool["languages"].items() if not name.startswith("(")}
    language = next((f"{100 * n / sum(known.values()):.0f} % {name}" for name, n in known.items()), "language unknown")
    return (
        f"{pool['name']}: {many(pool['rows'], 'row')}{rejects}; {schema}; responses of {length['0.5']:,.0f} characters "
        f"in the median ({length['0.05']:,.0f} to {length['0.95']:,.0f}); {language}"
    )


def _findings(document: Mapping[str, Any]) -> list[str]:
    found, pools = document["findings"], document["pools"]
    if not found:
        return ["Nothing was found."]
    width = max(len(f"{one['count']:,}") for one in found)
    shown = [
        f"{_MARKS[one['severity']]} {one['count']:>{width},} {small_percent(one['share']):>11}  {one['title']}"
        + _example(one, pools[0]["name"] if len(pools) == 1 else "")
        for one in found[:_FINDINGS]
    ]
    more = len(found) - _FINDINGS
    return shown + ([f"   and {many(more, 'more kind')}: --out DIR"] if more > 0 else [])


def _example(one: Mapping[str, Any], only_pool: str) -> str:
    """The first example in short; the columns, where these are the finding."""
    if one["key"] in ("unread_columns", "unreadable"):
        return f": {', '.join(f'{name} {count:,}' for name, count in one['detail'].items())}"
    first = one["examples"][0]
    excerpt = first["note"] or first["response"] or first["prompt"]
    line = f"{first['where']} {excerpt}".strip()
    if only_pool:
        line = line.replace(f"{only_pool}:", "line ").replace(f"{only_pool} record", "record")
    return f": {line[:_WIDTH]}{'…' if len(line) > _WIDTH else ''}"


def _overlaps(document: Mapping[str, Any]) -> list[str]:
    largest = sorted(document["overlaps"], key=lambda one: -(one["exact"] + (one["near"] or 0)))
    return [
        f"   {one['later']} shares {many(one['exact'], 'row')} ({small_percent(one['exact_share'])}) with "
        + one["earlier"]
        + (f", and {one['near']:,} more nearly" if one["near"] else "")
        for one in largest[:3]
    ]


def _ending(document: Mapping[str, Any]) -> list[str]:
    removal = document["removal"]
    ending = [
        f"{removal['together']:,} of {many(document['rows'], 'row')} would go: {removal['serious']:,} with faults or "
        f"text of a task, {many(removal['duplicates'], 'repetition')}; {removal['left']:,} would stay."
        if removal["together"]
        else f"No row has to go; {removal['left']:,} stay."
    ]
    if removal["options"]:
        ending.append(
            f"to remove them: dataselect select POOL... {removal['options']} --strategy random --budget 100% "
            "--out clean.jsonl"
        )
    if reasons := not_checked(document):
        ending.append("not checked: " + "; ".join(f"{kinds} ({why})" for kinds, why in reasons))
    return ending
