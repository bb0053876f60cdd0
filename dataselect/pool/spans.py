"""Responses as text, and where they stand in a rendering, in characters."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from dataselect.records import Message

_THINK = re.compile(r"<think>.*?</think>\s*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Turn:
    """One assistant turn: `text[header:start]` is the assistant's header, `text[start:end]` the response."""

    header: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Templated:
    """A rendering and the assistant turns in it, in order."""

    text: str
    turns: tuple[Turn, ...]


def response_text(message: Message) -> str:
    """An assistant turn as plain text: its content, then each tool call as JSON on a line of its own."""
    calls = (json.dumps(call.get("function", call), ensure_ascii=False) for call in message.tool_calls)
    return "\n".join([*([message.content] if message.content else []), *calls])


def response_spans(templated: Templated, turn: Turn, think: bool) -> list[tuple[int, int]]:
    """The character spans of one turn that count as response, in order.

    Args:
        think: Whether `<think>` spans count; without, they and the white space after them are left out.
    """
    if think:
        return [(turn.start, turn.end)] if turn.end > turn.start else []
    spans, begin = [], turn.start
    for thought in _THINK.finditer(templated.text, turn.start, turn.end):
        spans.append((begin, thought.start()))
        begin = thought.end()
    spans.append((begin, turn.end))
    return [(start, end) for start, end in spans if end > start]
