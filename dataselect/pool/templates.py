"""Templates: from an example to one text, and to where each assistant turn stands in it.

Every template renders the whole conversation once and says, in characters of that rendering, where each response
begins and ends and where the assistant's header before it begins. Nothing is tokenised here, so no mask can ever rest
on the length of a separately tokenised prefix.

`alpaca`, `qa` and `text` are written out here; `chat` (the tokenizer's own) and Jinja files are in `chat_templates`.
The first three end each response with the EOS text, where the tokenizer has one; plain text is left as it is.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from dataselect.records import Example, Message

_THINK = re.compile(r"<think>.*?</think>\s*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Turn:
    """One assistant turn: `text[header:start]` is the assistant's header, `text[start:end]` the response."""

    header: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Templated:
    """A rendering and assistant turns in it, in order: all from a template, then those that are responses.

    Attributes:
        special_texts: Special tokens that the record's own text spells out.
        masked: Where these stay text: what the tokenizer is given instead of `text`, character for character.
    """

    text: str
    turns: tuple[Turn, ...]
    special_texts: int = 0
    masked: str = ""

    @property
    def given(self) -> str:
        """The text that the tokenizer reads."""
        return self.masked or self.text

    def responses_of(self, messages: Sequence[Message]) -> Templated:
        """Leave out the turns that `messages` hold as context only."""
        said = [message.trained for message in messages if message.role == "assistant"]
        if all(said):
            return self
        return replace(self, turns=tuple(turn for turn, trained in zip(self.turns, said, strict=True) if trained))


class Template(Protocol):
    """One way to show an example to a model."""

    @property
    def name(self) -> str:
        """The name by which users choose it."""
        ...

    @property
    def source(self) -> str:
        """Its whole text, for fingerprints and manifests."""
        ...

    @property
    def dated(self) -> bool:
        """Return whether it asks for the time."""
        ...

    def render(self, example: Example) -> Templated:
        """Render one example.

        Raises:
            RenderError: If the template cannot show this example.
        """
        ...


@dataclass(frozen=True)
class AlpacaTemplate:
    """The template of Stanford Alpaca, with further turns under the same headings and a system turn as preamble."""

    eos: str
    name: str = "alpaca"
    source: str = "alpaca: preamble, ### Instruction, ### Input, ### Response, EOS"
    dated: bool = False

    _PREAMBLE = (
        "Below is an instruction that describes a task{input}. "
        "Write a response that appropriately completes the request."
    )
    _WITH_INPUT = ", paired with an input that provides further context"

    def render(self, example: Example) -> Templated:
        """Render one example; see `Template`."""
        writer = _Writer(self.eos)
        messages = example.messages
        if messages and messages[0].role == "system":
            preamble, messages = messages[0].content, messages[1:]
        else:
            has_input = bool(messages) and bool(messages[0].input)
            preamble = self._PREAMBLE.format(input=self._WITH_INPUT if has_input else "")
        writer.add(preamble)
        for message in messages:
            if message.role == "assistant":
                writer.add("\n\n")
                writer.respond("### Response:\n", response_text(message))
            else:
                heading = "Instruction" if message.role == "user" else message.role.capitalize()
                writer.add(f"\n\n### {heading}:\n{message.content}")
                writer.add(f"\n\n### Input:\n{message.input}" if message.input else "")
        return writer.done()


@dataclass(frozen=True)
class QATemplate:
    """The template that Harada et al. 2025 (arXiv 2506.14681, appendix D) train and evaluate with."""

    eos: str
    name: str = "qa"
    source: str = "###Question: {question}\n###Answer: {answer}{EOS}"
    dated: bool = False

    def render(self, example: Example) -> Templated:
        """Render one example; see `Template`."""
        return _joined_turns(example, "\n", {"assistant": "###Answer: ", "user": "###Question: "}, self.eos)


@dataclass(frozen=True)
class TextTemplate:
    """No markup at all: plain text as it is, the turns of a dialogue joined by blank lines."""

    eos: str
    name: str = "text"
    source: str = "{text} or {turn}\n\n{turn}{EOS}"
    dated: bool = False

    def render(self, example: Example) -> Templated:
        """Render one example; see `Template`."""
        if example.text is not None:
            return Templated(example.text, (Turn(0, 0, len(example.text)),))
        return _joined_turns(example, "\n\n", {}, self.eos)


class _Writer:
    """Collects pieces of a rendering and remembers where the responses went."""

    def __init__(self, eos: str) -> None:
        self._eos = eos
        self._pieces: list[str] = []
        self._length = 0
        self._turns: list[Turn] = []

    def add(self, text: str) -> None:
        self._pieces.append(text)
        self._length += len(text)

    def respond(self, header: str, response: str) -> None:
        begin = self._length
        self.add(header)
        start = self._length
        self.add(response)
        self._turns.append(Turn(begin, start, self._length))
        self.add(self._eos)

    def done(self) -> Templated:
        return Templated("".join(self._pieces), tuple(self._turns))


def _joined_turns(example: Example, separator: str, headers: Mapping[str, str], eos: str) -> Templated:
    """Write all turns with a separator between them.

    Args:
        headers: role -> the text before its turns.
    """
    writer = _Writer(eos)
    for i, message in enumerate(example.messages):
        writer.add(separator if i else "")
        header = headers.get(message.role, "")
        if message.role == "assistant":
            writer.respond(header, response_text(message))
        else:
            writer.add(header + message.full_content)
    return writer.done()


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
