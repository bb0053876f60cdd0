"""Tool definitions and tool calls in one shape, {"type": "function", "function": {...}}: that of chat templates."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from dataselect.pool.json_text import parse
from dataselect.pool.rejects import Unreadable, is_gap, shown_value


def read_tools(value: object) -> tuple[Mapping[str, Any], ...]:
    """The tool definitions in a `tools` column: a list or one object, or either as JSON text; empty is no tools.

    Raises:
        Unreadable: With `bad_tools`, or what parsing its text gives.
    """
    if isinstance(value, str):
        value = _parse_json(value, "bad_tools") if value.strip() else None
    if not value:
        return ()
    found = value if isinstance(value, list) else [value]
    return tuple(_tool(_parse_json(tool, "bad_tools") if isinstance(tool, str) else tool) for tool in found)


def _tool(value: object) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise Unreadable("bad_tools", f"a tool should be an object: {shown_value(value)}")
    if not is_finite(value):
        raise Unreadable("bad_tools", f"a tool with NaN in it: {shown_value(value)}")
    bare = "name" in value and "function" not in value and "type" not in value
    return {"type": "function", "function": value} if bare else value


def calls_in_text(value: str) -> tuple[Mapping[str, Any], ...] | None:
    """The calls that a text spells out as JSON, one object or a list; None if it is something else."""
    try:
        return read_calls(parse(value))
    except Unreadable:
        return None


def read_calls(value: object) -> tuple[Mapping[str, Any], ...]:
    """Tool calls from a list of them or a single one, as objects or JSON text.

    Raises:
        Unreadable: With `bad_tool_call`.
    """
    return tuple(_call(call) for call in (value if isinstance(value, list) else [value]))


def _call(value: object) -> Mapping[str, Any]:
    if isinstance(value, str):
        value = _parse_json(value, "bad_tool_call")
    inner = value.get("function") or value if isinstance(value, Mapping) else None
    name = inner.get("name") if isinstance(inner, Mapping) else None
    if not isinstance(inner, Mapping) or not isinstance(name, str) or not name:
        raise Unreadable("bad_tool_call", f"a tool call should be an object with a name: {shown_value(value)}")
    arguments = inner.get("arguments")
    if is_gap(arguments):
        arguments = inner.get("parameters")
    if isinstance(arguments, str) and arguments.strip():
        arguments = _parse_json(arguments, "bad_tool_call")
    if arguments and not (isinstance(arguments, Mapping) and is_finite(arguments)):
        raise Unreadable("bad_tool_call", f"the arguments should be an object: {shown_value(value)}")
    return {"type": "function", "function": {"name": name, "arguments": arguments or {}}}


def is_finite(value: object) -> bool:
    """Return whether no number in a value is NaN or infinite, which JSON cannot show."""
    if isinstance(value, Mapping):
        return all(map(is_finite, value.values()))
    if isinstance(value, list):
        return all(map(is_finite, value))
    return not isinstance(value, float) or math.isfinite(value)


def _parse_json(text: str, reason: str) -> object:
    try:
        return parse(text)
    except Unreadable as fault:
        raise Unreadable(reason if fault.reason == "malformed_json" else fault.reason, text) from None
