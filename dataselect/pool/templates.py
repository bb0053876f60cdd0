"""Templates: from an example to one text, and to where each assistant turn stands in it.

Every template renders the whole conversation once and says, in characters of that rendering, where each response
begins and ends and where the assistant's header before it begins. Nothing is tokenised here, so no mask can ever rest
on the length of a separately tokenised prefix.

`alpaca`, `qa` and `text` are written out below; `chat` (the tokenizer's own) and Jinja files are in `chat.py`. The
first three end each response with the EOS text, where the tokenizer has one; plain text is left as it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from dataselect.pool.chat import ChatTemplate
from dataselect.pool.spans import Templated, Turn, response_text
from dataselect.records import Example, Message
from dataselect.registry import unknown

NAMES = ("auto", "chat", "alpaca", "qa", "text")
"""Names that `--template` takes, besides a path to a Jinja file."""


class Template(Protocol):
    """One way to show an example to a model."""

    @property
    def name(self) -> str:
        """What the user calls it."""
        ...

    @property
    def source(self) -> str:
        """Its whole text, for fingerprints and manifests."""
        ...

    def render(self, example: Example) -> Templated:
        """Render one example.

        Raises:
            RenderError: If the template cannot show this example.
        """
        ...


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


def _joined(messages: Iterable[Message], separator: str) -> Iterable[tuple[str, Message]]:
    """Each message with what separates it from the one before."""
    for i, message in enumerate(messages):
        yield (separator if i else "", message)


@dataclass(frozen=True)
class AlpacaTemplate:
    """The template of Stanford Alpaca, with further turns under the same headings and a system turn as preamble."""

    eos: str
    name: str = "alpaca"
    source: str = "alpaca: preamble, ### Instruction, ### Input, ### Response, EOS"

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

    def render(self, example: Example) -> Templated:
        """Render one example; see `Template`."""
        writer = _Writer(self.eos)
        for separator, message in _joined(example.messages, "\n"):
            writer.add(separator)
            if message.role == "assistant":
                writer.respond("###Answer: ", response_text(message))
            elif message.role == "user":
                writer.add(f"###Question: {message.full_content}")
            else:
                writer.add(message.full_content)
        return writer.done()


@dataclass(frozen=True)
class TextTemplate:
    """No markup at all: plain text as it is, the turns of a dialogue joined by blank lines."""

    eos: str
    name: str = "text"
    source: str = "{text} or {turn}\n\n{turn}{EOS}"

    def render(self, example: Example) -> Templated:
        """Render one example; see `Template`."""
        if example.text is not None:
            return Templated(example.text, (Turn(0, 0, len(example.text)),))
        writer = _Writer(self.eos)
        for separator, message in _joined(example.messages, "\n\n"):
            writer.add(separator)
            if message.role == "assistant":
                writer.respond("", response_text(message))
            else:
                writer.add(message.full_content)
        return writer.done()


def load_template(name: str, tokenizer: Any, eos: str) -> Template:  # noqa: ANN401
    """Find a template by name or path.

    Args:
        name: `auto` (the tokenizer's own where it has one, else `alpaca`), `chat`, `alpaca`, `qa`, `text`, or the path
            of a Jinja file.
        tokenizer: A transformers tokenizer.
        eos: Text of its EOS token; empty if there is none.

    Raises:
        UsageError: If the name is unknown, or `chat` is asked of a tokenizer without a chat template.
    """
    if name == "auto":
        name = "chat" if tokenizer.chat_template else "alpaca"
    plain: Sequence[type[AlpacaTemplate] | type[QATemplate] | type[TextTemplate]] = (
        AlpacaTemplate, QATemplate, TextTemplate,
    )  # fmt: skip
    for kind in plain:
        if kind.name == name:
            return kind(eos)
    if name == "chat":
        return ChatTemplate.of_tokenizer(tokenizer)
    if Path(name).is_file():
        return ChatTemplate.of_file(Path(name), tokenizer)
    raise unknown("template", name, NAMES)
