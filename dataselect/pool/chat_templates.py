"""Chat templates: the tokenizer's own, or a Jinja file, with the assistant turns found in what they render.

A template may trim a turn, rewrite an earlier one (dropping its thoughts), or set its own words around it, so a
response cannot be looked up by its text, and prefix renderings do not have to be prefixes of the whole. Instead the
conversation is rendered a second time with a private-use sentinel in place of each assistant turn. What stands between
the sentinels is the template's own text; aligning it with the real rendering leaves exactly what became of each turn
(`aligned`). The second rendering is spared where the words that the template sets around sentinels in a dialogue of the
same roles, with this dialogue's contents between them, are the real rendering to the letter (`foreseen`).

A response begins right behind the assistant's header, which is what the generation prompt adds, so that everything a
model would have to write itself counts. Where the two renderings cannot be aligned the example is rejected: a guess
would be scored like a measurement. `{% generation %}` marks are not needed, and not used: they do not separate
the end-of-turn token from the response. The time that a template may ask for stands still: `now`, for every rendering.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from dataselect.artifacts import read_text
from dataselect.errors import DataselectError, RenderError, UsageError
from dataselect.pool.sandbox import RenderLimitError, limited_template
from dataselect.pool.templates import Templated, Turn, response_text
from dataselect.pool.tokenizer import added_token_pattern
from dataselect.records import Example, Message

_SENTINEL = "\ue000{}\ue001"
_SENTINELS = re.compile("\ue000[0-9]+\ue001")
_OPENING = re.compile(r"[^\w\n>\])}]*\Z")
"""Characters that may open a mark that is no token of its own, such as `### ` or `<|`."""

_OUTLINES = 1024
"""Sequences of roles whose outlines are kept."""


class ChatTemplate:
    """A Jinja chat template. Build with `of_tokenizer` or `of_file`.

    Attributes:
        name: "chat", or the file's name.
        source: The Jinja text.
        dated: Whether it asks for the time.
    """

    def __init__(self, name: str, source: str, tokenizer: Any, now: datetime | None = None) -> None:  # noqa: ANN401
        self.name = name
        self.source = source
        self._program = _compiled(name, source, now or datetime.now())
        self.dated: bool = self._program.dated
        self._names = {**self._program.globals, **tokenizer.special_tokens_map, "documents": None}
        self._shows_tool_calls = "tool_calls" in source
        self._marks = added_token_pattern(tokenizer)
        self._header = self._find_header()
        self._outline = lru_cache(_OUTLINES)(self._find_outline)

    @classmethod
    def of_tokenizer(cls, tokenizer: Any, now: datetime | None = None) -> ChatTemplate:  # noqa: ANN401
        """The tokenizer's own template.

        Raises:
            UsageError: If it has none.
        """
        if not tokenizer.chat_template:
            raise UsageError("this model's tokenizer has no chat template", "use --template alpaca, qa or a Jinja file")
        return cls("chat", tokenizer.get_chat_template(), tokenizer, now)

    @classmethod
    def of_file(cls, path: Path, tokenizer: Any, now: datetime | None = None) -> ChatTemplate:  # noqa: ANN401
        """A template from a Jinja file.

        Raises:
            DataselectError: If the file cannot be read or is not valid Jinja.
        """
        return cls(path.name, read_text(path, "the template"), tokenizer, now)

    def render(self, example: Example) -> Templated:
        """Render one dialogue; see `templates.Template`."""
        messages = [self._message(m) for m in example.messages]
        text = self._apply(messages, example.tools)
        turns = None
        if not example.tools and max(map(len, messages)) == 2:
            outline = self._outline(tuple([message["role"] for message in messages]))
            turns = foreseen(text, messages, outline) if outline else None
        return Templated(text, self._aligned(text, messages, example.tools) if turns is None else turns)

    def _aligned(
        self, text: str, messages: Sequence[Mapping[str, Any]], tools: Sequence[Mapping[str, Any]]
    ) -> tuple[Turn, ...]:
        """The assistant turns, found with a second rendering."""
        places = [i for i, m in enumerate(messages) if m["role"] == "assistant"]
        hollow = list(messages)
        for k, i in enumerate(places):
            hollow[i] = {"role": "assistant", "content": _SENTINEL.format(k)}
        literals = _SENTINELS.split(self._apply(hollow, tools)) if places else [text]
        if len(literals) != len(places) + 1:
            raise RenderError("the template does not show each assistant turn once")
        words = [Words.of(literal, self._header) for literal in literals]
        return aligned(text, words, [messages[i]["content"] for i in places])

    def _find_outline(self, roles: tuple[str, ...]) -> tuple[Words, ...]:
        """The template's words around the turns of a dialogue; empty if they cannot be found for these roles."""
        literals = self._between(roles)
        before = [literal for literal, role in zip(literals, roles, strict=False) if role == "assistant"]
        fits = literals and all(self._header in literal for literal in before)
        return tuple(Words.of(literal, self._header) for literal in literals) if fits else ()

    def _message(self, message: Message) -> dict[str, Any]:
        shown: dict[str, Any] = {"role": message.role, "content": message.full_content}
        if message.name:
            shown["name"] = message.name
        if message.tool_calls and self._shows_tool_calls:
            shown["tool_calls"] = [dict(call) for call in message.tool_calls]
        elif message.tool_calls:
            shown["content"] = response_text(message)
        return shown

    def _apply(
        self, messages: Sequence[Mapping[str, Any]], tools: Sequence[Mapping[str, Any]] = (), generate: bool = False
    ) -> str:
        """Render like `tokenizer.apply_chat_template`, without copying all of Jinja's names for every dialogue."""
        if not messages:
            raise RenderError(f"the template {self.name} refuses: a dialogue without turns")
        own = {"messages": messages, "tools": list(tools) or None, "add_generation_prompt": generate}
        program = self._program
        try:
            with program.meter as meter:
                text: str = meter.joined(program.root_render_func(program.new_context(self._names | own, shared=True)))
                return text
        except RenderLimitError as error:
            raise RenderLimitError(f"the template {self.name} cannot be used: {error.message}") from None
        except RecursionError:
            raise RenderLimitError(f"the template {self.name} cannot be used: it calls itself too deeply") from None
        except Exception as error:  # a template may raise anything that Python raises
            raise RenderError(f"the template {self.name} refuses: {_one_line(error)}") from None

    def _find_header(self) -> str:
        """Find the text that the template writes between a user turn and the response, without an opening <think>.

        It is what the generation prompt adds, as far as the template writes the same before a response. Where that
        adds nothing it is what the template writes before a response and not otherwise.
        """
        asked = [{"role": "user", "content": "a"}]
        try:
            plain, prompted = self._apply(asked), self._apply(asked, generate=True)
        except RenderError as error:
            raise DataselectError(f"the template {self.name} cannot render one user turn: {error}") from None
        answered = self._between(("user", "assistant"))
        before = answered[0] + "a" + answered[1] if answered else prompted
        if prompted != plain:
            begin = self._parting(plain, prompted)
            shared = self._parting(before, prompted)
            header = prompted[begin : shared if shared > begin else None]
        elif before == plain and answered:
            header = self._always_written()
        else:
            header = before[self._parting(plain, before) :]
        return header.split("<think>")[0]

    def _always_written(self) -> str:
        """The header where a user turn is never shown without it: what follows the words that close a turn.

        They are found by the user's header, which opens the dialogue and follows them inside it.
        """
        words = self._between(("user", "assistant", "user", "assistant"))
        if not words:
            return ""
        first, second, third = words[0], words[2], words[3]
        closing = second[: len(second) - self._shared_end(first, second)]
        return third[len(closing) :] if third.startswith(closing) else ""

    def _shared_end(self, one: str, other: str) -> int:
        """Number of characters that two texts end with in common, never beginning inside a mark."""
        length = common_length(one[::-1], other[::-1])
        cut = [mark for text in (one, other) for mark in self._marks.finditer(text)
               if mark.start() < len(text) - length < mark.end()]  # fmt: skip
        return min([length, *(len(mark.string) - mark.end() for mark in cut)])

    def _between(self, roles: tuple[str, ...]) -> list[str]:
        """The template's text before, between and behind turns of these roles; empty if it does not show each."""
        turns = [{"role": role, "content": _SENTINEL.format(k)} for k, role in enumerate(roles)]
        try:
            literals = _SENTINELS.split(self._apply(turns))
        except RenderError:
            return []
        return literals if len(literals) == len(roles) + 1 else []

    def _parting(self, one: str, other: str) -> int:
        """The place where `other` departs from `one`; not inside a mark that only begins like another."""
        at = common_length(one, other)
        if at in (len(one), len(other)):
            return at
        cut = [mark for mark in self._marks.finditer(other) if mark.start() < at < mark.end()]
        return cut[0].start() if cut else at - len(_OPENING.findall(other[:at])[0])


@dataclass(frozen=True, slots=True)
class Words:
    """The template's text before a turn or behind the last; an assistant's header is `text[header:cut]`."""

    text: str
    header: int
    cut: int

    @classmethod
    def of(cls, text: str, header: str) -> Words:
        """Find the header; where there is none, it is empty and at the end. What follows it is the response's.

        A header of nothing but white space, which stands elsewhere too, has to be at the end.
        """
        at = len(text) - len(header) if not header.strip() and text.endswith(header) else -1
        at = text.rfind(header) if header.strip() else at
        return cls(text, at, at + len(header)) if at >= 0 else cls(text, len(text), len(text))


def foreseen(text: str, messages: Sequence[Mapping[str, Any]], outline: Sequence[Words]) -> tuple[Turn, ...] | None:
    """The assistant turns of a rendering that is outline and contents to the letter; None if it is not.

    Args:
        outline: The words before each turn, and those behind the last.
    """
    turns, position = [], 0
    pieces: list[str] = []
    for message, words in zip(messages, outline, strict=False):
        content = message["content"]
        pieces += (words.text, content)
        end = position + len(words.text) + len(content)
        if message["role"] == "assistant":
            turns.append(Turn(position + words.header, position + words.cut, end))
        position = end
    return tuple(turns) if "".join((*pieces, outline[-1].text)) == text else None


def aligned(text: str, literals: Sequence[Words], contents: Sequence[str]) -> tuple[Turn, ...]:
    """The assistant turns of any rendering: walk through it, literal by literal and turn by turn.

    Args:
        literals: What stands before each assistant turn, and behind the last.
        contents: The contents of the assistant turns.

    Raises:
        RenderError: If the rendering and the literals do not fit.
    """
    stems = [*(words.text[: words.cut] for words in literals[:-1]), literals[-1].text]
    turns: list[Turn] = []
    position = 0
    for k, (content, words) in enumerate(zip(contents, literals, strict=False)):
        if not text.startswith(stems[k], position):
            raise RenderError("the beginning of an assistant turn cannot be found in the rendering")
        start = position + words.cut
        shown = position + len(words.text) if text.startswith(words.text, position) else start
        end = _find_end(text, shown, content, stems[k + 1], last=k == len(contents) - 1)
        turns.append(Turn(position + words.header, start, end))
        position = end
    if text[position:] != literals[-1].text:
        raise RenderError("the end of the last assistant turn cannot be found in the rendering")
    return tuple(turns)


def _find_end(text: str, start: int, content: str, following: str, last: bool) -> int:
    """The end of a turn whose content is shown from `start` and which is followed by the literal `following`."""
    for shown in (content, content.strip()):
        end = start + len(shown)
        if text.startswith(shown, start) and text.startswith(following, end):
            return end
    end = len(text) - len(following) if last else text.find(following, start)
    if end < start or not text.startswith(following, end):
        raise RenderError("the end of an assistant turn cannot be found in the rendering")
    return end


def common_length(one: str, other: str) -> int:
    """Number of characters that two texts begin with in common."""
    pairs = zip(one, other, strict=False)
    return next((at for at, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))


def _compiled(name: str, source: str, now: datetime) -> Any:  # noqa: ANN401 - a jinja2.Template
    """The template as transformers compiles it, with all that chat templates may use, and with limits."""
    import jinja2

    try:
        return limited_template(source, now)
    except jinja2.TemplateError as error:
        raise DataselectError(f"the template {name} is not valid Jinja: {_one_line(error)}") from None
    except (SyntaxError, RecursionError, MemoryError):
        raise DataselectError(f"the template {name} is nested too deeply", "use a simpler one") from None


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
