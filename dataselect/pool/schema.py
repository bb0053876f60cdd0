"""From a record to its dialogue or text: which columns hold what, told by their names, record by record.

Known schemas, in the order in which they are tried: messages, ShareGPT's conversations, Alpaca (instruction, input or
Dolly's context, output or response), prompt with response or completion, question with answer, plain text. A column
that is null or empty counts only where no other schema fits, since a table that mixes schemas has such gaps. A
`ColumnMap` overrides what it names and leaves the rest to detection.

`chosen` of a preference record is the reply to a dialogue that ends without one; a mapped response replaces the last
assistant turn. A `system` column is the system turn of a dialogue that has none. Other columns (`rejected`, `history`,
scores ...) are not read; they stay in the record.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dataselect.pool.columns import ColumnMap
from dataselect.pool.faults import Unreadable, as_text
from dataselect.pool.tool_calls import read_tools
from dataselect.pool.turns import read_turn, read_turns
from dataselect.records import Message

Record = Mapping[str, Any]

DIALOGUES = ("messages", "conversations")
RESPONSES = {
    "instruction": ("output", "response"),
    "prompt": ("response", "completion"),
    "question": ("answer",),
}
"""Column of the prompt, and those where its response may be."""

_LEADS = (*DIALOGUES, *RESPONSES, "text")
_ANY_RESPONSE = tuple(name for names in RESPONSES.values() for name in names)
_INPUTS = ("input", "context")


@dataclass(frozen=True, slots=True)
class Content:
    """What a record says: the part of an `Example` that its schema decides."""

    messages: tuple[Message, ...] = ()
    text: str | None = None
    tools: tuple[Mapping[str, Any], ...] = ()


def mapped(columns: ColumnMap) -> tuple[str, ...]:
    """The columns that the user named."""
    named = (columns.prompt, columns.response, columns.system, columns.text, columns.id)
    return tuple(name for name in named if name is not None)


def is_record(record: Record, columns: ColumnMap) -> bool:
    """Whether a known schema or the column map finds its columns here."""
    return any(name in record for name in mapped(columns)) or _lead(record, columns) is not None


def read_content(record: Record, columns: ColumnMap) -> Content:
    """Read one record.

    Raises:
        Unreadable: With `missing_column`, `unknown_schema`, `wrong_type`, `bad_tools`, or what `read_turns` gives.
    """
    for name in mapped(columns):
        if name not in record:
            raise Unreadable("missing_column", f"no column {name}; {_keys(record)}")
    lead = columns.text or columns.prompt or _lead(record, columns)
    if lead is None:
        raise Unreadable("unknown_schema", _keys(record))
    if columns.text is not None or (lead == "text" and columns.prompt is None):
        return Content(text=as_text(record[lead], lead))
    value = record[lead]
    if lead in DIALOGUES or isinstance(value, list):
        messages = _dialogue(record, lead, columns.response)
    else:
        messages = (_prompt(record, lead), *_response(record, lead, columns.response))
    messages = _with_system(messages, record, columns.system or "system")
    tools = record.get("tools")
    return Content(messages, tools=read_tools(tools) if tools else ())


def _keys(record: Record) -> str:
    return f"columns: {', '.join(map(str, record))}"


def _lead(record: Record, columns: ColumnMap) -> str | None:
    """The column that decides the schema, one that is not empty if there is any."""
    for name in _LEADS:
        if record.get(name) not in (None, "") and _fits(record, name, columns):
            return name
    return next((name for name in _LEADS if name in record and _fits(record, name, columns)), None)


def _fits(record: Record, name: str, columns: ColumnMap) -> bool:
    if name in RESPONSES:
        return columns.response is not None or not record.keys().isdisjoint(RESPONSES[name])
    return name in DIALOGUES or columns.response is None


def _prompt(record: Record, lead: str) -> Message:
    beside = _first(record, _INPUTS) if lead == "instruction" else None
    return Message("user", as_text(record[lead], lead), as_text(record[beside], beside) if beside else "")


def _response(record: Record, lead: str, chosen: str | None) -> tuple[Message, ...]:
    name = chosen or _first(record, RESPONSES.get(lead, _ANY_RESPONSE))
    if name is None:
        raise Unreadable("unknown_schema", f"no column with a response to {lead}; {_keys(record)}")
    return _reply(record[name], name)


def _reply(value: object, where: str) -> tuple[Message, ...]:
    if isinstance(value, list) and value:
        return read_turns(value, where)
    return (Message("assistant", as_text(value, where)),)


def _first(record: Record, names: tuple[str, ...]) -> str | None:
    for name in names:
        if record.get(name) is not None:
            return name
    return next((name for name in names if name in record), None)


def _dialogue(record: Record, lead: str, response: str | None) -> tuple[Message, ...]:
    messages = read_turns(record[lead], lead)
    if lead not in DIALOGUES:
        name = response or _first(record, RESPONSES.get(lead, _ANY_RESPONSE))
        return messages if name is None else (*messages, *_reply(record[name], name))
    if response is not None:
        while messages and messages[-1].role == "assistant":
            messages = messages[:-1]
    name = response or "chosen"
    value = record.get(name)
    if response is None and (value is None or messages[-1].role == "assistant"):
        return messages
    return (*messages, *((read_turn(value, name),) if isinstance(value, Mapping) else _reply(value, name)))


def _with_system(messages: tuple[Message, ...], record: Record, column: str) -> tuple[Message, ...]:
    value = record.get(column)
    if value is None or messages[0].role == "system":
        return messages
    text = as_text(value, column)
    return (Message("system", text), *messages) if text.strip() else messages
