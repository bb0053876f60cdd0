"""From a record to its dialogue or text: which columns hold what is decided by their names, record by record.

Known schemas, in the order in which they are tried: messages, ShareGPT's conversations, Alpaca (instruction, input or
Dolly's context, output or response), prompt with response or completion, question with answer or response, a `chosen`
dialogue, plain text. A column that is null or empty counts only where no other schema fits, since a table that mixes
schemas has such gaps. A `ColumnMap` overrides what it names and leaves the rest to detection.

`chosen` of a preference record is the reply to a prompt, or to a dialogue that ends without one; what it repeats of the
prompt is kept once. A mapped response replaces the last assistant turn. LLaMA-Factory's `history` stands before the
prompt; a `system` or `system_prompt` column is the system turn of a dialogue that has none; OpenAI's old `functions`
are tools. Known columns that are not read are named (`columns`), records that are not what their columns suggest are
refused there, and all columns stay in the record.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from dataselect.pool.columns import (
    ANY_RESPONSE,
    CHOSEN,
    DIALOGUES,
    LABELS,
    REPLIES,
    SYSTEMS,
    TOOLS,
    ColumnMap,
    Record,
    Shape,
    first_of,
    lead_of,
    refuse_media,
    refuse_message,
    refuse_reply,
    refuse_tree,
    shape_of,
    unread_columns,
    unread_fields,
    unwanted_label,
)
from dataselect.pool.json_text import parse
from dataselect.pool.rejects import Unreadable, as_text, is_gap, shown_value
from dataselect.pool.tool_calls import read_tools
from dataselect.pool.turns import TURNS_START, as_turns, is_turn, read_turn, read_turns, turns_in_text
from dataselect.records import Message

Messages = tuple[Message, ...]
_INPUTS = ("input", "context")
_NOTHING = (None,) * 5


class Content(NamedTuple):
    """The part of an `Example` that the schema of its record decides.

    Attributes:
        unread: Known columns, and fields of turns, that hold something which is in none of the others.
        rejected: Of a pair the whole dialogue with the reply that was not preferred; else empty.
        desirable: Of a labelled reply whether it is wanted; else None.
    """

    messages: tuple[Message, ...] = ()
    text: str | None = None
    tools: tuple[Mapping[str, Any], ...] = ()
    unread: tuple[str, ...] = ()
    rejected: tuple[Message, ...] = ()
    desirable: bool | None = None


def mapped_columns(columns: ColumnMap) -> tuple[str, ...]:
    """The columns that the user named."""
    named = (columns.prompt, columns.response, columns.system, columns.text, columns.id)
    return () if named == _NOTHING else tuple([name for name in named if name is not None])


def is_record(record: Record, columns: ColumnMap) -> bool:
    """Return whether a known schema or the column map finds its columns here."""
    shape = shape_of(tuple(record))
    return any(name in record for name in mapped_columns(columns)) or lead_of(record, shape, columns) is not None


def read_content(record: Record, columns: ColumnMap) -> Content:
    """Read one record.

    Raises:
        Unreadable: With `missing_column`, `unknown_schema`, `wrong_type`, `bad_tools`, or what `read_turns`, `joined`
            and the functions of `columns` give.
    """
    named = mapped_columns(columns)
    for name in named:
        if name not in record:
            raise Unreadable("missing_column", f"no column {name}; {_keys(record)}")
    shape = shape_of(tuple(record))
    lead = columns.text or columns.prompt or lead_of(record, shape, columns)
    if lead is None:
        refuse_tree(record)
        refuse_reply(record)
        raise Unreadable("unknown_schema", _keys(record))
    if columns.text is None and (lead != "text" or columns.prompt is not None):
        return _Dialogue(record, shape, columns, lead, named).content()
    if columns.text is None:
        refuse_message(record)
    text = as_text(record[lead], lead)
    if shape.has_media:
        refuse_media(record, (text,))
    return Content(text=text, unread=unread_columns(record, shape.known, (lead, *named)))


def _texts(messages: Iterable[Message]) -> list[str]:
    return [text for message in messages for text in (message.content, message.input)]


def _keys(record: Record) -> str:
    return f"columns: {', '.join(map(str, record))}"


class _Dialogue:
    """Reads one record of turns, and remembers which columns it read."""

    __slots__ = ("_columns", "_fields", "_lead", "_record", "_shape", "_used")

    def __init__(self, record: Record, shape: Shape, columns: ColumnMap, lead: str, named: tuple[str, ...]) -> None:
        self._record = record
        self._shape = shape
        self._columns = columns
        self._lead = lead
        self._used = [lead, *named]
        self._fields: tuple[str, ...] = ()

    def content(self) -> Content:
        """See `read_content`."""
        record, shape = self._record, self._shape
        if shape.is_labelled:
            self._heed_label()
        asked = self._asked()
        messages = self._answered(asked)
        if shape.has_system or self._columns.system:
            messages = self._with_system(messages)
        tools = self._tools() if shape.has_tools else ()
        unread = self._fields
        if shape.has_media:
            refuse_media(record, _texts(messages))
        if left := [name for name in shape.known if name not in self._used]:
            unread = (*unread_columns(record, left, self._used, _texts(messages)), *unread)
        return Content(messages, None, tools, unread)

    def _heed_label(self) -> None:
        """Refuse a reply that is labelled as bad; name a label that says nothing where one belongs.

        A `label` is such a verdict beside a completion and beside a dialogue (the shapes of KTO), else it is a class.
        """
        if self._columns.response in LABELS:
            return
        is_pair = self._lead in ("prompt", self._columns.prompt) and "completion" in self._record
        label = unwanted_label(self._record, is_pair or self._lead in DIALOGUES, is_pair)
        if label:
            self._used.append(label)
        elif is_pair and all(is_gap(self._record.get(name)) for name in LABELS):
            self._fields = ("empty label",)

    def _asked(self) -> tuple[Message, ...]:
        """The dialogue, or the prompt with the turns before it."""
        lead, value = self._lead, self._record[self._lead]
        if isinstance(value, str) and lead not in DIALOGUES and value.startswith(TURNS_START):
            value = turns_in_text(value) or value
        if lead in DIALOGUES or isinstance(value, list):
            turns = as_turns(value, lead)
            messages = tuple([read_turn(turn, lead) for turn in turns])
            self._fields += unread_fields(turns)
            return messages
        beside = first_of(self._record, _INPUTS) if lead == "instruction" else None
        added = as_text(self._take(beside), beside) if beside and not is_gap(self._record[beside]) else ""
        asked = (Message("user", as_text(value, lead), added),)
        return self._history() + asked if self._shape.has_history else asked

    def _take(self, name: str) -> Any:  # noqa: ANN401 - a value of a record
        self._used.append(name)
        return self._record[name]

    def _history(self) -> tuple[Message, ...]:
        value = self._record.get("history")
        earlier = None if is_gap(value) else read_history(value)
        if earlier is None:
            return ()
        self._used.append("history")
        return earlier

    def _answered(self, asked: tuple[Message, ...]) -> tuple[Message, ...]:
        """The dialogue with the reply of a separate column, if one exists."""
        response, record, lead = self._columns.response, self._record, self._lead
        if lead == CHOSEN:
            return asked
        name = response or first_of(record, REPLIES.get(lead, ANY_RESPONSE))
        if lead in DIALOGUES and response is not None:
            while asked and asked[-1].role == "assistant":
                asked = asked[:-1]
        elif lead in DIALOGUES and (name is None or asked[-1].role == "assistant" or is_gap(record[name])):
            return asked
        if name is None:
            if isinstance(record[lead], list):
                return asked
            raise Unreadable("unknown_schema", f"no column with a response to {lead}; {_keys(record)}")
        return join_reply(asked, read_reply(self._take(name), name), name)

    def _with_system(self, messages: tuple[Message, ...]) -> tuple[Message, ...]:
        record, chosen = self._record, self._columns.system
        for name in (chosen,) if chosen else SYSTEMS:
            value = record.get(name)
            if is_gap(value) or (not isinstance(value, str) and name not in (chosen, SYSTEMS[0])):
                continue
            text = as_text(value, name)
            if text.strip() and messages[0].role != "system":
                self._used.append(name)
                return (Message("system", text), *messages)
        return messages

    def _tools(self) -> tuple[Mapping[str, Any], ...]:
        for name in TOOLS:
            value = self._record.get(name)
            if not value or is_gap(value):
                continue
            try:
                tools = read_tools(value)
            except Unreadable:
                if name == TOOLS[0]:
                    raise
                return ()
            self._used.append(name)
            return tools
        return ()


def read_reply(value: object, where: str) -> Messages:
    """A reply: text, one turn, or turns, also as JSON text.

    Raises:
        Unreadable: As `read_turns`.
    """
    if isinstance(value, str):
        turns = turns_in_text(value) if value.startswith("[") else None
        return read_turns(turns, where) if turns else (Message("assistant", value),)
    if isinstance(value, list) and value:
        return read_turns(value, where)
    if isinstance(value, Mapping) and ("role" in value or "from" in value):
        return (read_turn(value, where),)
    return (Message("assistant", as_text(value, where)),)


def join_reply(asked: Messages, reply: Messages, where: str) -> Messages:
    """A prompt and the reply to it, which may repeat the prompt or its end.

    Raises:
        Unreadable: With `two_prompts` if the reply begins with another prompt.
    """
    if not reply or reply[0].role in ("assistant", "tool"):
        return asked + reply
    for shared in range(min(len(asked), len(reply)), 0, -1):
        if _same(asked[-shared:], reply[:shared]):
            return (*asked, *reply[shared:])
    if any(_same(asked, reply[at : at + len(asked)]) for at in range(1, len(reply) - len(asked) + 1)):
        return reply
    if asked[-1].role == "assistant":
        return (*asked, *reply)
    raise Unreadable("two_prompts", f"{where} begins with another prompt: {shown_value(reply[0].content)}")


def _same(some: Messages, others: Messages) -> bool:
    return all(
        one.role == other.role and one.full_content.strip() == other.full_content.strip()
        for one, other in zip(some, others, strict=True)
    )


def read_history(value: object) -> Messages | None:
    """Earlier turns, as [question, answer] pairs or as turns, also as JSON text; None for anything else.

    Raises:
        Unreadable: As `read_turns`.
    """
    if isinstance(value, str):
        try:
            value = parse(value)
        except Unreadable:
            return None
    if not isinstance(value, list):
        return None
    if value and all(map(is_turn, value)):
        return read_turns(value, "history")
    pairs = [one for one in value if isinstance(one, list | tuple) and len(one) == 2]
    if len(pairs) < len(value) or not all(isinstance(text, str) for pair in pairs for text in pair):
        return None
    return tuple(Message(role, said) for pair in pairs for role, said in zip(("user", "assistant"), pair, strict=True))
