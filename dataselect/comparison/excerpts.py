"""Short texts of examples as a file can hold and a page can show them: at most 600 characters each, and printable.

Records may hold half surrogate pairs, which no UTF-8 file can hold, and characters that act on a page instead of being
shown: control characters, and those that turn the direction of writing. Each becomes U+FFFD, and every line end a line
feed.

Left out: escaping, which depends on where the text goes.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from dataselect.comparison.selections import kind_of
from dataselect.records import Example, Reject

LONGEST = 600
_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\u2028-\u202e\u2066-\u2069\ufeff]")


@dataclass(frozen=True, slots=True)
class Excerpt:
    """The beginnings of an example's prompt and response; the prompt is empty for plain text."""

    prompt: str
    response: str


@dataclass(frozen=True, slots=True)
class Texts:
    """Excerpts of the wanted examples, and the kinds of all examples that were read, both by id."""

    excerpts: dict[str, Excerpt]
    kinds: dict[str, str | None]


def read_texts(examples: Iterable[Example | Reject], wanted: Collection[str]) -> Texts:
    """Read excerpts of the `wanted` ids, and all kinds; rejects are passed over, they are in no score table."""
    texts = Texts({}, {})
    for example in examples:
        if isinstance(example, Example):
            texts.kinds[example.id] = kind_of(example.record)
            if example.id in wanted:
                texts.excerpts[example.id] = excerpt(example)
    return texts


def excerpt(example: Example) -> Excerpt:
    """Prompt and response: all turns but the assistant's, and the assistant's."""
    if example.text is not None:
        return Excerpt("", shortened(example.text))
    prompt = [m.full_content for m in example.messages if not m.is_response]
    response = [m.full_content for m in example.messages if m.is_response]
    return Excerpt(shortened("\n\n".join(prompt)), shortened("\n\n".join(response)))


def shortened(text: str, longest: int = LONGEST) -> str:
    """At most `longest` characters, with an ellipsis where something was cut."""
    text = text.strip()
    return text if len(text) <= longest else text[: longest - 1] + "…"


def printable(text: str) -> str:
    """The text with every unprintable character replaced."""
    return _UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", text.replace("\r\n", "\n").replace("\r", "\n"))


def printable_values(value: Any) -> Any:  # noqa: ANN401 - JSON
    """Nested plain values with every text in them, keys too, made printable; tuples become lists."""
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, dict):
        return {printable(str(k)): printable_values(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [printable_values(v) for v in value]
    return value
