"""The turns of a dialogue, in the messages form (role, content) or ShareGPT's (from, value), also mixed.

A turn stays one message, so no text is lost and none changes places: a function call and the reply right behind it are
two assistant messages. Reasoning becomes a <think> span before the content that it came with; two that differ are
refused.

A turn that its record wants as context only is marked as not trained, by any of the fields that training tools read:
`weight` is OpenAI's 0 or 1, `loss_weight` LLaMA-Factory's; `train`, `training` and `trainable` are axolotl's and
others' true or false, `loss` is ms-swift's, which counts only as a truth value because a number under that name is a
measurement. Null and NaN say nothing. A loss that is over a token or not has no place for a weight in between, nor for
a part of a turn: both are refused.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any, NamedTuple

from dataselect.pool.json_text import parse
from dataselect.pool.rejects import Unreadable, as_text, is_gap, shown_value, wrong_type
from dataselect.pool.tool_calls import calls_in_text, read_calls
from dataselect.records import Message

CALL = "call"
"""The role of an assistant turn whose whole value is a tool call."""

ROLES = {
    "system": "system", "developer": "system",
    "user": "user", "human": "user", "prompter": "user",
    "assistant": "assistant", "gpt": "assistant", "chatgpt": "assistant", "bot": "assistant", "model": "assistant",
    "tool": "tool", "observation": "tool", "function": "tool", "function_response": "tool", "tool_response": "tool",
    "function_call": CALL, "tool_call": CALL,
}  # fmt: skip
"""Role names in data, lower case, and the role they are read as."""

TURNS_START = ("[{", "[ {", "[\n")
"""Beginnings of the JSON text of a list of turns."""

WEIGHTS = frozenset({"weight", "loss_weight", "train", "training", "trainable", "loss"})
PART_WEIGHTS = "train_detail"
"""axolotl's list of stretches of a turn."""

_SPELLED = {"0": False, "false": False, "no": False, "1": True, "true": True, "yes": True}
_CONTENTS = ("content", "value", "text")
_REASONING = ("reasoning", "thinking")
_REASONING_FIELDS = frozenset({"reasoning_content", *_REASONING})
_NOTABLE = frozenset({"tool_calls", "function_call", "name", PART_WEIGHTS, *_REASONING_FIELDS, *WEIGHTS})
"""Fields without which a turn is its role and its content."""

_THOUGHT = re.compile(r"\s*<think>(.*?)</think>", re.DOTALL)
_CALLS = ("tool_call", "tool_use", "function_call")


def read_turns(value: object, column: str) -> tuple[Message, ...]:
    """The messages of one dialogue.

    Args:
        value: A list of turns, or its JSON text.
        column: Where it stands, for messages.

    Raises:
        Unreadable: With `wrong_type`, `unknown_role`, `missing_content`, `unsupported_part`, `bad_tool_call`,
            `bad_weight`, `two_thoughts` or `empty_dialogue`.
    """
    return tuple([read_turn(turn, column) for turn in as_turns(value, column)])


def read_turn(turn: object, column: str) -> Message:
    """One turn as a message.

    Raises:
        Unreadable: As `read_turns`.
    """
    if not isinstance(turn, Mapping):
        raise wrong_type(f"a turn in {column}", turn, "an object")
    role = _role(turn)
    if _NOTABLE.isdisjoint(turn) and role != CALL:
        for name in _CONTENTS:
            value = turn.get(name)
            if isinstance(value, str):
                return Message(role, value)
            if value is not None:
                break
    said = _turn_content(turn, role, f"the content of a turn in {column}")
    content, calls = said.text, said.calls
    if role == CALL:
        role = "assistant"
        found = calls_in_text(content) if content and not calls else None
        if found is not None:
            content, calls = "", found
    if not _REASONING_FIELDS.isdisjoint(turn):
        content = _with_reasoning(content, turn, column)
    called = turn.get("name")
    trained = role != "assistant" or is_trained(turn, said.stated_weights)
    return Message(role, content, tool_calls=calls, name=called if isinstance(called, str) else "", trained=trained)


def as_turns(value: object, column: str) -> list[Any]:
    """The turns of one dialogue as a list that is not empty; `value` may also be its JSON text.

    Raises:
        Unreadable: With `wrong_type`, `empty_dialogue`, or what parsing its text gives.
    """
    if isinstance(value, str) and value.strip():
        _refuse_python(value)
        value = parse(value)
    if not value:
        raise Unreadable("empty_dialogue", f"{column}: {shown_value(value)}")
    if not isinstance(value, list | tuple):
        raise wrong_type(column, value, "a list of turns")
    return list(value)


def turns_in_text(value: str) -> list[object] | None:
    """Parse the turns in a JSON text; None if it is something else.

    Raises:
        Unreadable: With `wrong_type` for a list of turns as Python prints it.
    """
    if not value.startswith(TURNS_START):
        return None
    _refuse_python(value)
    try:
        turns = parse(value)
    except Unreadable:
        return None
    return turns if isinstance(turns, list) and all(map(is_turn, turns)) else None


def is_turn(value: object, role: str | None = None) -> bool:
    """Return whether this is a turn by its role, or one of `role`."""
    said = value.get("role", value.get("from")) if isinstance(value, Mapping) else None
    found = ROLES.get(said.strip().lower()) if isinstance(said, str) else None
    return found is not None and role in (None, found)


def _refuse_python(value: str) -> None:
    if value.startswith("[{'") and ("'role':" in value or "'from':" in value):
        reason = f"a list of turns as Python prints it, which is not JSON; write the table with json.dumps: {value}"
        raise Unreadable("wrong_type", reason)


def _role(turn: Mapping[str, Any]) -> str:
    said = turn.get("role")
    if said is None:
        said = turn.get("from")
    role = ROLES.get(said) or ROLES.get(said.strip().lower()) if isinstance(said, str) else None
    if role is None:
        raise Unreadable("unknown_role", f"role {shown_value(said)} of the turn {shown_value(turn)}")
    return role


class _TurnContent(NamedTuple):
    """The content of a turn: text, tool calls, and the weight of each of its parts."""

    text: str
    calls: tuple[Mapping[str, Any], ...] = ()
    stated_weights: tuple[bool | None, ...] = ()


def _turn_content(turn: Mapping[str, Any], role: str, where: str) -> _TurnContent:
    """Read the content of a turn, without the reasoning beside it."""
    given = [turn[name] for name in _CONTENTS if turn.get(name) is not None]
    value = next((one for one in given if one == one), None)  # not NaN
    called = _first_given(turn, ("tool_calls", "function_call"))
    calls = read_calls(called) if called else ()
    if value is None and not calls and not _first_given(turn, _REASONING_FIELDS):
        if given:
            value = given[0]
        elif not any(name in turn for name in _CONTENTS):
            raise Unreadable("missing_content", f"{where} is missing: {shown_value(turn)}")
    if role == CALL and isinstance(value, Mapping):
        return _TurnContent("", (*calls, *read_calls(value)))
    if isinstance(value, list):
        said = _parts(value, where, role in ("assistant", CALL))
        return _TurnContent(said.text, (*calls, *said.calls), said.stated_weights)
    return _TurnContent(as_text(value, where), calls)


def _first_given(turn: Mapping[str, Any], names: Iterable[str]) -> Any:  # noqa: ANN401 - a value of a record
    """The first of these fields that is not empty."""
    return next((turn[name] for name in names if turn.get(name) and not is_gap(turn[name])), None)


def _parts(parts: list[object], where: str, may_be_trained: bool) -> _TurnContent:
    text: list[str] = []
    calls: list[Mapping[str, Any]] = []
    weights: list[bool | None] = []
    for part in parts:
        if isinstance(part, str):
            text.append(part)
            weights.append(None)
            continue
        kind = part.get("type") if isinstance(part, Mapping) else None
        if not isinstance(part, Mapping) or not isinstance(kind, str):
            raise Unreadable("unsupported_part", f"{where}: {shown_value(part)}")
        weights.append(stated_weight(part) if may_be_trained and not WEIGHTS.isdisjoint(part) else None)
        if kind == "text":
            text.append(as_text(_payload(part, ("text", "value", "content"), where), where))
        elif kind in _REASONING:
            text.append(think_span(as_text(_payload(part, (kind, "value", "text", "content"), where), where)))
        elif kind in _CALLS:
            is_call = part.get("name") is not None
            calls.extend(read_calls(part if is_call else _payload(part, ("value", "function", kind), where)))
        else:
            raise Unreadable("unsupported_part", f"{where}: {shown_value(part)}")
    return _TurnContent("".join(text), tuple(calls), tuple(weights))


def _payload(part: Mapping[str, Any], names: tuple[str, ...], where: str) -> object:
    found = next((part[name] for name in names if part.get(name) is not None), None)
    if found is None and not any(name in part for name in names):
        raise Unreadable("missing_content", f"{where}: {shown_value(part)}")
    return found


def think_span(reasoning: str) -> str:
    """Reasoning as the span that models write before their answer."""
    return f"<think>\n{reasoning}\n</think>\n\n"


def _with_reasoning(content: str, turn: Mapping[str, Any], column: str) -> str:
    """Put the reasoning of a turn in front of its content, unless the content begins with the same."""
    said = [turn[name] for name in turn if name in _REASONING_FIELDS and turn[name] and not is_gap(turn[name])]
    wrong = next((one for one in said if not isinstance(one, str)), None)
    if wrong is not None:
        raise wrong_type(f"the reasoning of a turn in {column}", wrong)
    own = _THOUGHT.match(content)
    if len({one.strip() for one in (*said, *([own.group(1)] if own and said else ()))}) > 1:
        raise Unreadable("two_thoughts", f"a turn in {column} with two reasonings that differ: {shown_value(turn)}")
    return content if own or not said else think_span(said[0]) + content


def is_trained(turn: Mapping[str, Any], parts: Collection[bool | None] = ()) -> bool:
    """Return whether an assistant turn is to be trained.

    Args:
        parts: What each part of its content states.

    Raises:
        Unreadable: With `bad_weight`: as `stated_weight`, or if parts of the turn differ.
    """
    details = turn.get(PART_WEIGHTS)
    if isinstance(details, list) and any(isinstance(one, Mapping) and stated_weight(one) is False for one in details):
        raise Unreadable("bad_weight", f"{PART_WEIGHTS} leaves out a part of a turn: {shown_value(details)}")
    own = stated_weight(turn)
    if own is not False and False in parts:
        if set(parts) != {False} or own:
            raise Unreadable("bad_weight", f"only a part of a turn is to be trained: {shown_value(turn)}")
        return False
    return own is not False


def asks_training(value: object, name: str) -> bool:
    """Return whether a field asks for a loss over its turn, even by a weight that an assistant turn could not have."""
    try:
        return bool(_truth(value, name))
    except Unreadable:
        return True


def stated_weight(holder: Mapping[str, Any]) -> bool | None:
    """Read the weight of a turn, or of a part of one, as trained or not; None if it has none.

    Raises:
        Unreadable: With `bad_weight` for a weight other than 0 and 1, or fields that contradict each other.
    """
    found = None
    for name in holder:
        truth = _truth(holder[name], name) if name in WEIGHTS else None
        if truth is not None and found not in (None, truth):
            raise Unreadable(
                "bad_weight", f"{name} and what stands beside it contradict each other: {shown_value(holder)}"
            )
        found = found if truth is None else truth
    return found


def _truth(value: object, name: str) -> bool | None:
    if isinstance(value, bool):
        return value
    if is_gap(value) or name == "loss":
        return None
    if isinstance(value, str):
        number = value.strip().lower()
        truth = _SPELLED.get(number.removesuffix(".0"))
    else:
        truth = value == 1 if isinstance(value, int | float) and value in (0, 1) else None
    if truth is None:
        raise Unreadable("bad_weight", f"{name} should be 0 or 1, true or false, not {shown_value(value)}")
    return truth
