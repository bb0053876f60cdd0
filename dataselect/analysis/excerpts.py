"""Short texts of the examples that a report shows: at most 600 characters of prompt and of response.

Texts come from the selections' own records and, where it is given, from the pool. Escaping is the report's work.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from dataselect.analysis.selections import kind_of
from dataselect.records import Example, Reject

LONGEST = 600


@dataclass(frozen=True, slots=True)
class Excerpt:
    """The beginnings of an example's prompt and response; the prompt is empty for plain text."""

    prompt: str
    response: str


@dataclass(frozen=True, slots=True)
class Texts:
    """What was read of some examples: excerpts of the wanted ones, and the kind of every one, both by id."""

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
    prompt = [m.full_content for m in example.messages if m.role != "assistant"]
    response = [m.full_content for m in example.messages if m.role == "assistant"]
    return Excerpt(shortened("\n\n".join(prompt)), shortened("\n\n".join(response)))


def shortened(text: str, longest: int = LONGEST) -> str:
    """At most `longest` characters, with an ellipsis where something was cut."""
    text = text.strip()
    return text if len(text) <= longest else text[: longest - 1] + "…"
