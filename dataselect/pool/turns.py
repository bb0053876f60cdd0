"""The turns of a dialogue, in the messages form (role, content) or ShareGPT's (from, value), also mixed.

A turn stays one message, so no text is lost and none changes places: a function call and the reply right behind it are
two assistant messages. Reasoning becomes a <think> span before the content that it came with.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dataselect.pool.faults import Unreadable, as_text, shown_value, wrong_type
from dataselect.pool.json_text import parse
from dataselect.pool.tool_calls import calls_in_text, read_calls
from dataselect.records import Message

CALL = "call"
"""Stands for an assistant turn whose whole value is a tool call."""

ROLES = {
    "system": "system", "developer": "system",
    "user": "user", "human": "user", "prompter": "user",
    "assistant": "assistant", "gpt": "assistant", "chatgpt": "assistant", "bot": "assistant", "model": "assistant",
    "tool": "tool", "observation": "tool", "function": "tool", "function_response": "tool", "tool_response": "tool",
    "function_call": CALL, "tool_call": CALL,
}  # fmt: skip
"""Role names in data, lower case, and the role they are read as."""

_CONTENTS = ("content", "value", "text")
_REASONING = ("reasoning", "thinking")
_CALLS = ("tool_call", "tool_use", "function_call")


def read_turns(value: object, column: str) -> tuple[Message, ...]:
    """The messages of one dialogue.

    Args:
        value: A list of turns, or its JSON text.
        column: Where it stands, for messages.

    Raises:
        Unreadable: With `wrong_type`, `unknown_role`, `missing_content`, `unsupported_part`, `bad_tool_call` or
            `empty_dialogue`.
    """
    if isinstance(value, str) and value.strip():
        value = parse(value)
    if not value:
        raise Unreadable("empty_dialogue", f"{column}: {shown_value(value)}")
    if not isinstance(value, list | tuple):
        raise wrong_type(column, value, "a list of turns")
    return tuple([read_turn(turn, column) for turn in value])


def read_turn(turn: object, column: str) -> Message:
    """One turn as a message.

    Raises:
        Unreadable: As `read_turns`.
    """
    if not isinstance(turn, Mapping):
        raise wrong_type(f"a turn in {column}", turn, "an object")
    role = _role(turn)
    content, calls = _content(turn, role, column)
    if role == CALL:
        role = "assistant"
        found = calls_in_text(content) if content and not calls else None
        if found is not None:
            content, calls = "", found
    name = turn.get("name")
    return Message(role, content, tool_calls=calls, name=name if isinstance(name, str) else "")


def _role(turn: Mapping[str, Any]) -> str:
    said = turn.get("role")
    if said is None:
        said = turn.get("from")
    role = ROLES.get(said) or ROLES.get(said.strip().lower()) if isinstance(said, str) else None
    if role is None:
        raise Unreadable("unknown_role", f"role {shown_value(said)} of the turn {shown_value(turn)}")
    return role


def _content(turn: Mapping[str, Any], role: str, column: str) -> tuple[str, tuple[Mapping[str, Any], ...]]:
    """The turn's text, reasoning included, and its tool calls."""
    value = next((turn[name] for name in _CONTENTS if turn.get(name) is not None), None)
    stated = turn.get("tool_calls") or turn.get("function_call")
    calls = read_calls(stated) if stated else ()
    reasoning = turn.get("reasoning_content")
    if value is None and not calls and not reasoning and not any(name in turn for name in _CONTENTS):
        raise Unreadable("missing_content", f"a turn in {column} without content: {shown_value(turn)}")
    where = f"the content of a turn in {column}"
    if role == CALL and isinstance(value, Mapping):
        text, calls = "", (*calls, *read_calls(value))
    elif isinstance(value, list):
        text, more = _parts(value, where)
        calls = (*calls, *more)
    else:
        text = as_text(value, where)
    return (think(as_text(reasoning, where)) + text if reasoning else text), calls


def think(reasoning: str) -> str:
    """Reasoning as the span that models write before their answer."""
    return f"<think>\n{reasoning}\n</think>\n\n"


def _parts(parts: list[object], where: str) -> tuple[str, tuple[Mapping[str, Any], ...]]:
    text: list[str] = []
    calls: list[Mapping[str, Any]] = []
    for part in parts:
        if isinstance(part, str):
            text.append(part)
            continue
        kind = part.get("type") if isinstance(part, Mapping) else None
        if not isinstance(part, Mapping) or not isinstance(kind, str):
            raise Unreadable("unsupported_part", f"{where}: {shown_value(part)}")
        if kind == "text":
            text.append(as_text(_payload(part, ("text", "value", "content"), where), where))
        elif kind in _REASONING:
            text.append(think(as_text(_payload(part, (kind, "value", "text", "content"), where), where)))
        elif kind in _CALLS:
            calls.extend(read_calls(part if "name" in part else _payload(part, ("value", "function", kind), where)))
        else:
            raise Unreadable("unsupported_part", f"{where}: {shown_value(part)}")
    return "".join(text), tuple(calls)


def _payload(part: Mapping[str, Any], names: tuple[str, ...], where: str) -> object:
    found = next((part[name] for name in names if part.get(name) is not None), None)
    if found is None and not any(name in part for name in names):
        raise Unreadable("missing_content", f"{where}: {shown_value(part)}")
    return found
