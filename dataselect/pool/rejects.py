"""Records as their format gives them, and the reasons for which one is rejected, each with one short line for people.

Reason codes, in the order in which they can be met: `not_utf8`, `malformed_json`, `malformed_csv`, `too_deep`,
`lone_surrogate`, `rest_unreadable` (nothing from this line on could be read), `not_an_object`, `missing_column` (one
that the user mapped), `unknown_schema`, `wrong_type`, `unknown_role`, `missing_content`, `unsupported_part`,
`bad_tool_call`, `bad_tools`, `empty_dialogue`, `bad_id`; `not_a_number` (NaN where a text belongs), `bad_weight`,
`two_thoughts`, `two_prompts`, `unwanted_response` (labelled as bad), `lone_message`, `lone_reply`, `message_tree`,
`unsupported_modality`; of pairs, `not_a_pair`, `one_sided`, `identical_pair` and `tied_ratings`; of a template,
`template_error` and `template_limit`.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from dataselect.records import Reject

DAMAGED = (OSError, EOFError)
"""Raised by a format when a file breaks off or is not in that format; everything before has been yielded by then."""

EXCERPT_LENGTH = 200
"""Characters that an excerpt may have."""

_LOST = re.compile(
    r"from line [\d,]+ on nothing could be read(, (at least )?[\d,]+ bytes)?|lines [\d,]+ to [\d,]+, [\d,]+ bytes"
)


@dataclass(frozen=True, slots=True)
class RawRecord:
    """One record as its format gives it.

    Attributes:
        line: 1-based line where the record begins; the record's number in formats without lines.
        value: The parsed value or, with a fault, the raw text or bytes.
        fault: The reason's code if the format could not parse it; else empty.
    """

    line: int
    value: object
    fault: str = ""


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


def wrong_type(where: str, value: object, expected: str = "text") -> Unreadable:
    """The fault of a value of another type than `where` needs."""
    names = {dict: "an object", list: "a list", str: "text", type(None): "null", bool: "true or false"}
    found = names.get(type(value), "a number" if isinstance(value, int | float) else type(value).__name__)
    return Unreadable("wrong_type", f"{where} should be {expected}, not {found}: {shown_value(value)}")


def as_text(value: object, where: str) -> str:
    """A scalar as text: text as it is, null as nothing, a number or truth value as JSON prints it.

    Raises:
        Unreadable: With `wrong_type` for lists and objects, `not_a_number` for NaN and infinities.
    """
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, int | float):
        if not math.isfinite(value):
            raise Unreadable("not_a_number", f"{where} should be text, not {value}, which stands for a missing value")
        return json.dumps(value)
    raise wrong_type(where, value)


def is_gap(value: object) -> bool:
    """Return whether a value is missing: null, empty, or the NaN that data frames put into gaps."""
    if type(value) is str:
        return not value
    return value is None or value == [] or value != value


def shown_value(value: object) -> str:
    """A value as JSON, for excerpts."""
    try:
        return json.dumps(value, ensure_ascii=False, default=str)
    except RecursionError:
        return "(nested too deeply to be shown)"


def one_line(shown: str | bytes) -> str:
    """At most `EXCERPT_LENGTH` printable characters of `shown`; control characters and broken bytes are escaped."""
    head = shown[: EXCERPT_LENGTH + 4]
    text = head.decode("utf-8", "backslashreplace") if isinstance(head, bytes) else head
    escaped = "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)
    return escaped if len(escaped) <= EXCERPT_LENGTH else escaped[: EXCERPT_LENGTH - 3] + "..."


def rest_excerpt(line: int, size: str, shown: str) -> str:
    """The excerpt for everything from a line on that cannot be divided into records.

    Args:
        size: Number of bytes, as text.
    """
    return f"from line {line:,} on nothing could be read, {size} bytes: {shown}"


def lines_excerpt(first: int, last: int, size: int, shown: str) -> str:
    """The excerpt for a record that cannot be read; over several lines, with these lines and the number of bytes.

    A quote or bracket that is missing may have made one record of many.
    """
    return shown if first == last else f"lines {first:,} to {last:,}, {size:,} bytes, read as one record: {shown}"


def reject_notes(rejects: Sequence[Reject]) -> tuple[str, ...]:
    """Count the records rejected for each reason, with the first of each, and list the parts that are lost."""
    counts = Counter(one.reason for one in rejects)
    first = {one.reason: one for one in reversed(rejects)}
    counted = (
        f"{count:,} rejected as {reason}, the first in {first[reason].file} line {first[reason].line:,}: "
        f"{first[reason].excerpt}"
        for reason, count in counts.most_common()
        if reason != "rest_unreadable"
    )
    return (*counted, *lost_parts(rejects))


def notes_of_file(file: Path) -> tuple[str, ...]:
    """Read a `rejects.jsonl` and return its `reject_notes`."""
    with file.open(encoding="utf-8") as lines:
        return reject_notes([Reject(**json.loads(line)) for line in lines])


def lost_parts(rejects: Iterable[Reject], most: int = 10) -> tuple[str, ...]:
    """List the parts of files that are lost as a whole, one line each, and how many more there are."""
    found = [f"{one.file}: {part[0]}" for one in rejects if (part := _LOST.match(one.excerpt))]
    more = len(found) - most
    return (*found[:most], *([f"{more:,} more parts of this kind (see rejects.jsonl)"] if more > 0 else ()))
