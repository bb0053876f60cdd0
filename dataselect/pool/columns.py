"""Column names: those that the user maps, those that training tools know, and the schema that they give a record.

What the names alone say is found once for all records of the same columns (`Shape`). A record often has more known
columns than one schema reads: the reply that was rejected, a second system prompt, weights, a context beside the input.
Such a column is counted, and every run reports once which there were, so that nothing that changes what is trained is
dropped in silence. One that repeats what has been read (the prompt beside the dialogue that begins with it) is not
counted.

Records that are not what their columns suggest are refused by name, with what to do: a message of a conversation tree
is no plain text, an answer that is labelled as bad is none to learn, and a text with a place for an image says
something else without it.

Left out: columns that describe a record and do not change what is trained on it (scores, languages, sources).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any, NamedTuple

from dataselect.pool.rejects import Unreadable, is_gap, shown_value
from dataselect.pool.turns import ROLES, WEIGHTS, asks_training, is_turn, turns_in_text

Record = Mapping[str, Any]
SYSTEMS = ("system", "system_prompt", "system_message", "system_instruction", "system_instructions", "sys_prompt")
"""Columns of the system turn, the first that is not empty."""

TOOLS = ("tools", "functions")
MEDIA = frozenset({"image", "images", "audio", "audios", "video", "videos"})
"""Columns of what a text has placeholders for."""

KTO_TAG = "kto_tag"
LABELS = ("label", KTO_TAG)
"""Columns that say whether a response should be learnt (KTO)."""

KNOWN = frozenset(
    {
        *SYSTEMS, *TOOLS, *MEDIA, *LABELS, "messages", "conversations", "conversation", "dialogue", "dialog",
        "instruction", "input", "context", "output", "outputs", "response", "responses", "prompt", "completion",
        "completions", "question", "answer", "answers", "text", "chosen", "rejected", "history", "documents",
        "tool_calls",
        "function_call", "weight", "weights", "train", "mask", "masks", "loss_mask", "loss_weight", "labels",
        "reasoning", "reasoning_content", "thinking", "rationale", "chain_of_thought", "cot", "few_shot", "examples",
        "chat_template_kwargs", "replies",
    }
)  # fmt: skip
_OF_TURNS = frozenset(
    {
        "tools", "functions", "refusal", "reasoning_details", "thinking_blocks", "tool_plan", "citations", "documents",
        *WEIGHTS, *MEDIA,
    }
)  # fmt: skip
DIALOGUES = ("messages", "conversations")
RESPONSES = {
    "instruction": ("output", "response", "chosen"),
    "prompt": ("response", "completion", "chosen"),
    "question": ("answer", "response", "chosen"),
}
"""Column of the prompt, and those where its response may be."""

CHOSEN = "chosen"
"""The reply of a preference record, or its whole dialogue."""

LEADS = (*DIALOGUES, *RESPONSES, CHOSEN, "text")
"""Columns that decide the schema, in the order in which they are tried."""

ANY_RESPONSE = tuple(dict.fromkeys(name for names in RESPONSES.values() for name in names))
"""Every column of a response, for a prompt whose column the user named."""

REPLIES = {**RESPONSES, **dict.fromkeys(DIALOGUES, (CHOSEN,))}
"""Column of the prompt or dialogue, and those where a reply to it may be."""

_PLACE = re.compile(r"<\|?(?:image|img|video|audio)[^<>]{0,16}>|\[IMG\]", re.IGNORECASE)
_TREE = "join the messages from the root to a last reply into one dialogue (messages: role, content)"


@dataclass(frozen=True, slots=True)
class ColumnMap:
    """Names of columns; None leaves the field to detection. `text` cannot be combined with prompt and response.

    Attributes:
        pairs: Whether records are preference pairs (`pool.pairs`), whose rejected reply is read too.
    """

    prompt: str | None = None
    response: str | None = None
    system: str | None = None
    text: str | None = None
    id: str | None = None
    pairs: bool = False

    def recorded(self) -> dict[str, str | bool | None]:
        """The fields as fingerprints and manifests hold them; `pairs` only where it is asked for, as before it was."""
        values = asdict(self)
        return values if self.pairs else {name: value for name, value in values.items() if name != "pairs"}


class Shape(NamedTuple):
    """The schema that column names allow, whatever the values are: found once for all records of the same columns.

    Attributes:
        leads: Columns that may decide the schema, the first of them first.
        known: All known columns.
        is_labelled, has_media, has_history, has_system, has_tools: Whether there is such a column.
    """

    leads: tuple[str, ...]
    known: tuple[str, ...]
    is_labelled: bool
    has_media: bool
    has_history: bool
    has_system: bool
    has_tools: bool


@lru_cache(1024)
def shape_of(names: tuple[str, ...]) -> Shape:
    """The shape of records with these columns."""
    present = frozenset(names)
    return Shape(
        leads=tuple([name for name in LEADS if name in present]),
        known=tuple([name for name in names if name in KNOWN]),
        is_labelled=not present.isdisjoint(LABELS),
        has_media=not present.isdisjoint(MEDIA),
        has_history="history" in present,
        has_system=not present.isdisjoint(SYSTEMS),
        has_tools=not present.isdisjoint(TOOLS),
    )


def lead_of(record: Record, shape: Shape, columns: ColumnMap) -> str | None:
    """The column that decides the schema, one that is not empty if there is any."""
    for name in shape.leads:
        if not is_gap(record[name]) and _fits(record, name, columns):
            return name
    return next((name for name in shape.leads if _fits(record, name, columns)), None)


def first_of(record: Record, names: tuple[str, ...]) -> str | None:
    """The first of these columns that is not empty, else the first that exists."""
    there = None
    for name in names:
        if name in record:
            if not is_gap(record[name]):
                return name
            there = there or name
    return there


def _fits(record: Record, name: str, columns: ColumnMap) -> bool:
    if name in RESPONSES:
        return columns.response is not None or not record.keys().isdisjoint(RESPONSES[name])
    if name == CHOSEN:
        return columns.response is None and _is_dialogue(record[name])
    return name in DIALOGUES or columns.response is None


def _is_dialogue(value: object) -> bool:
    """Return whether it holds a user's turn."""
    turns = turns_in_text(value) if isinstance(value, str) else value
    return isinstance(turns, list) and any(is_turn(one, "user") for one in turns)


def unread_columns(
    record: Mapping[str, Any], known: Sequence[str], used: Collection[str], said: Iterable[str] = ()
) -> tuple[str, ...]:
    """Name the known columns of a record that hold something which was not read.

    Args:
        known: The known columns that it has.
        used: Columns that were read.
        said: Texts that were read.
    """
    left = [name for name in known if name not in used and not is_gap(record[name])]
    if not left:
        return ()
    read = [*(record[name] for name in used if name in record), *said]
    return tuple(name for name in left if record[name] not in read)


def unread_fields(turns: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """Name the known fields of turns that were not read, as "tools of a turn"; a weight on a user's turn is one."""
    if _OF_TURNS.isdisjoint(set().union(*turns)):
        return ()
    found: dict[str, None] = {}
    for turn in turns:
        for name in turn:
            if name in WEIGHTS:
                if is_turn(turn, "user") and asks_training(turn[name], name):
                    found[f"{name} of a user's turn"] = None
            elif name in _OF_TURNS and not is_gap(turn[name]):
                found[f"{name} of a turn"] = None
    return tuple(found)


def unread_note(unread: Mapping[str, int]) -> tuple[str, ...]:
    """One line about the known columns that were not read, with the number of rows; none if all were."""
    names = ", ".join(f"{name} ({rows:,} {'row' if rows == 1 else 'rows'})" for name, rows in unread.items())
    return (f"known columns that are not read: {names}",) if names else ()


def refuse_message(record: Mapping[str, Any]) -> None:
    """Refuse one message of a dialogue, of which `text` is the content.

    Raises:
        Unreadable: With `lone_message`.
    """
    role = record.get("role")
    if isinstance(role, str) and role.strip().lower() in ROLES:
        reason = f"one message of a conversation (role {role}), not a text: {_TREE}, or give --text-column text"
        raise Unreadable("lone_message", reason)


def refuse_tree(record: Mapping[str, Any]) -> None:
    """Refuse a tree of messages and the replies to them.

    Raises:
        Unreadable: With `message_tree`.
    """
    for name, value in record.items():
        if name == "replies" or (isinstance(value, Mapping) and "replies" in value):
            raise Unreadable("message_tree", f"{name} holds a tree of messages: {_TREE}")


def refuse_reply(record: Mapping[str, Any]) -> None:
    """Refuse a preferred reply, or transcript, without a column of its prompt.

    Raises:
        Unreadable: With `lone_reply`.
    """
    if not is_gap(record.get("chosen")):
        reason = (
            "chosen has no prompt beside it: name its column with --prompt-column, or split a transcript into turns"
        )
        raise Unreadable("lone_reply", f"{reason} (role, content); columns: {', '.join(map(str, record))}")


def unwanted_label(record: Mapping[str, Any], may_be_verdict: bool, may_be_number: bool) -> str | None:
    """Find the column that says whether the response should be learnt; None without one.

    Args:
        may_be_verdict: Whether `label` can be one here; `kto_tag` always is.
        may_be_number: Whether 0 and 1 are such labels here, and not classes.

    Raises:
        Unreadable: With `unwanted_response` if it says no.
    """
    for name in LABELS:
        value = record.get(name) if may_be_verdict or name == KTO_TAG else None
        if isinstance(value, str):
            value = {"false": False, "true": True}.get(value.strip().lower())
        is_label = isinstance(value, bool) or (may_be_number and isinstance(value, int | float) and value in (0, 1))
        if is_label and not value:
            reason = f"{name} is {shown_value(record[name])}: not to be learnt; if it is a class, rename the column"
            raise Unreadable("unwanted_response", reason)
        if is_label:
            return name
    return None


def refuse_media(record: Mapping[str, Any], said: Iterable[str]) -> None:
    """Refuse a dialogue whose text has a placeholder for the content of another column.

    Raises:
        Unreadable: With `unsupported_modality`.
    """
    beside = [name for name in record if name in MEDIA and not is_gap(record[name])]
    place = next(filter(None, map(_PLACE.search, said)), None) if beside else None
    if place is not None:
        reason = f"the text has {place.group()} and the record {beside[0]}: only text can be scored and trained"
        raise Unreadable("unsupported_modality", reason)
