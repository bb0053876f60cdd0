"""Why a record cannot be read, and what the file says there, as one short line.

Reason codes, in the order in which they can be met: `not_utf8`, `malformed_json`, `malformed_csv`, `too_deep`,
`lone_surrogate`, `rest_unreadable` (nothing after this line could be read), `not_an_object`, `missing_column` (one that
the user mapped), `unknown_schema`, `wrong_type`, `unknown_role`, `missing_content`, `unsupported_part`,
`bad_tool_call`, `bad_tools`, `empty_dialogue`, `bad_id`.
"""

from __future__ import annotations

import json

EXCERPT_LENGTH = 200
"""Characters that an excerpt may have."""


class Unreadable(Exception):
    """A record that cannot be read. Becomes a `Reject`; never leaves the package.

    Args:
        reason: The reason's code.
        shown: What the file says there: raw text, raw bytes, or a sentence about the record.
    """

    def __init__(self, reason: str, shown: str | bytes) -> None:
        super().__init__(reason)
        self.reason = reason
        self.shown = shown


def one_line(shown: str | bytes) -> str:
    """At most `EXCERPT_LENGTH` printable characters of `shown`; control characters and broken bytes are escaped."""
    head = shown[: EXCERPT_LENGTH + 4]
    text = head.decode("utf-8", "backslashreplace") if isinstance(head, bytes) else head
    escaped = "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)
    return escaped if len(escaped) <= EXCERPT_LENGTH else escaped[: EXCERPT_LENGTH - 3] + "..."


def wrong_type(where: str, value: object, expected: str = "text") -> Unreadable:
    """The fault of a value of another type than `where` needs."""
    names = {dict: "an object", list: "a list", str: "text", type(None): "null", bool: "true or false"}
    found = names.get(type(value), "a number" if isinstance(value, int | float) else type(value).__name__)
    return Unreadable("wrong_type", f"{where} should be {expected}, not {found}: {shown_value(value)}")


def shown_value(value: object) -> str:
    """A value as JSON, for excerpts."""
    try:
        return json.dumps(value, ensure_ascii=False, default=str)
    except RecursionError:
        return "(nested too deeply to be shown)"


def as_text(value: object, where: str) -> str:
    """A scalar as text: text as it is, null as nothing, a number or truth value as JSON prints it.

    Raises:
        Unreadable: With `wrong_type` for lists and objects.
    """
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, int | float):
        return json.dumps(value)
    raise wrong_type(where, value)
