"""Chat templates: the tokenizer's own, or a Jinja file, with the assistant turns found in what they render.

A template may trim a turn, rewrite an earlier one (dropping its thoughts), or set its own words around it, so a
response cannot be looked up by its text, and prefix renderings do not have to be prefixes of the whole. Instead the
conversation is rendered a second time with a private-use sentinel in place of each assistant turn. What stands between
the sentinels is the template's own text; aligning it with the real rendering leaves exactly what became of each turn.
The second rendering is spared where it can be told beforehand: where the words that the template sets around sentinels
in a dialogue of the same roles, with this dialogue's contents between them, are the real rendering to the letter.
A response begins right behind the assistant's header, which is what the generation prompt adds, so that everything a
model would have to write itself counts. Where the two renderings cannot be aligned the example is rejected: a guess
would be scored like a measurement. `{% generation %}` marks are not needed, and not used: they do not tell the
end-of-turn token from the response.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from dataselect.errors import DataselectError, RenderError, UsageError
from dataselect.pool.spans import Templated, Turn, response_text
from dataselect.records import Example, Message

_SENTINEL = "\ue000{}\ue001"
_SENTINELS = re.compile("\ue000[0-9]+\ue001")
_OUTLINES = 1024
"""Sequences of roles whose outlines are kept."""


@dataclass(frozen=True, slots=True)
class _Words:
    """What a template writes before a turn; an assistant's header is `text[header:cut]`."""

    text: str
    header: int
    cut: int


class ChatTemplate:
    """A Jinja chat template. Build with `of_tokenizer` or `of_file`.

    Attributes:
        name: "chat", or the file's name.
        source: The Jinja text.
    """

    def __init__(self, name: str, source: str, tokenizer: Any) -> None:  # noqa: ANN401
        self.name = name
        self.source = source
        self._program = _compiled(name, source)
        self._names = {**self._program.globals, **tokenizer.special_tokens_map, "documents": None}
        self._shows_tool_calls = "tool_calls" in source
        self._header = self._find_header()
        self._outline = lru_cache(_OUTLINES)(self._find_outline)

    @classmethod
    def of_tokenizer(cls, tokenizer: Any) -> ChatTemplate:  # noqa: ANN401
        """The tokenizer's own template.

        Raises:
            UsageError: If it has none.
        """
        if not tokenizer.chat_template:
            raise UsageError("this model's tokenizer has no chat template", "use --template alpaca, qa or a Jinja file")
        return cls("chat", tokenizer.get_chat_template(), tokenizer)

    @classmethod
    def of_file(cls, path: Path, tokenizer: Any) -> ChatTemplate:  # noqa: ANN401
        """A template from a Jinja file.

        Raises:
            DataselectError: If the file cannot be read or is not valid Jinja.
        """
        try:
            return cls(path.name, path.read_text(encoding="utf-8"), tokenizer)
        except (OSError, UnicodeDecodeError) as error:
            raise DataselectError(f"cannot read the template {path}: {error}") from None

    def render(self, example: Example) -> Templated:
        """Render one dialogue; see `templates.Template`."""
        messages = [self._message(m) for m in example.messages]
        text = self._apply(messages, example.tools)
        turns = self._foreseen(text, messages, example.tools)
        return Templated(text, self._found(text, messages, example.tools) if turns is None else turns)

    def _found(
        self, text: str, messages: Sequence[Mapping[str, Any]], tools: Sequence[Mapping[str, Any]]
    ) -> tuple[Turn, ...]:
        """The assistant turns, found by a second rendering."""
        places = [i for i, m in enumerate(messages) if m["role"] == "assistant"]
        hollow = list(messages)
        for k, i in enumerate(places):
            hollow[i] = {"role": "assistant", "content": _SENTINEL.format(k)}
        literals = _SENTINELS.split(self._apply(hollow, tools)) if places else [text]
        if len(literals) != len(places) + 1:
            raise RenderError("the template does not show each assistant turn once")
        return tuple(self._align(text, literals, [messages[i]["content"] for i in places]))

    def _foreseen(
        self, text: str, messages: Sequence[Mapping[str, Any]], tools: Sequence[Mapping[str, Any]]
    ) -> tuple[Turn, ...] | None:
        """The assistant turns of a rendering that is outline and contents to the letter; None if it is not."""
        if tools or any(len(message) > 2 for message in messages):
            return None
        outline = self._outline(tuple([message["role"] for message in messages]))
        if len(outline) != len(messages) + 1:
            return None
        turns, position = [], 0
        pieces: list[str] = []
        for message, words in zip(messages, outline, strict=False):
            content = message["content"]
            end = position + len(words.text) + len(content)
            if message["role"] == "assistant":
                turns.append(Turn(position + words.header, position + words.cut, end))
            pieces += (words.text, content)
            position = end
        pieces.append(outline[-1].text)
        return tuple(turns) if "".join(pieces) == text else None

    def _find_outline(self, roles: tuple[str, ...]) -> tuple[_Words, ...]:
        """The template's words before each turn and behind the last; empty if they cannot be told for these roles."""
        turns = [{"role": role, "content": _SENTINEL.format(k)} for k, role in enumerate(roles)]
        try:
            literals = _SENTINELS.split(self._apply(turns))
        except RenderError:
            return ()
        without_header = [self._header not in literal for literal in literals]
        if any(role == "assistant" and absent for role, absent in zip(roles, without_header, strict=False)):
            return ()
        return tuple(_Words(literal, *self._cut(literal)) for literal in literals)

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
        """What `tokenizer.apply_chat_template` gives, without copying all of Jinja's names for every dialogue."""
        import jinja2

        if not messages:
            raise RenderError(f"the template {self.name} refuses: a dialogue without turns")
        own = {"messages": messages, "tools": list(tools) or None, "add_generation_prompt": generate}
        try:
            return "".join(self._program.root_render_func(self._program.new_context(self._names | own, shared=True)))
        except (jinja2.TemplateError, TypeError, ValueError, KeyError, IndexError, AttributeError) as error:
            raise RenderError(f"the template {self.name} refuses: {' '.join(str(error).split())}") from None

    def _find_header(self) -> str:
        """What the generation prompt adds after a user turn, without an opening <think>."""
        asked = [{"role": "user", "content": "a"}]
        try:
            plain, prompted = self._apply(asked), self._apply(asked, generate=True)
        except RenderError as error:
            raise DataselectError(f"the template {self.name} cannot render one user turn: {error}") from None
        added = prompted[len(plain) :] if prompted.startswith(plain) else ""
        return added.split("<think>")[0]

    def _align(self, text: str, literals: Sequence[str], contents: Sequence[str]) -> list[Turn]:
        """Walk through the rendering, literal by literal and turn by turn."""
        cuts = [self._cut(literal) for literal in literals[:-1]]
        stems = [*(literal[:cut] for literal, (_, cut) in zip(literals, cuts, strict=False)), literals[-1]]
        turns: list[Turn] = []
        position = 0
        for k, (content, (header, cut)) in enumerate(zip(contents, cuts, strict=True)):
            if not text.startswith(stems[k], position):
                raise RenderError("the beginning of an assistant turn cannot be found in the rendering")
            start = position + cut
            shown = position + len(literals[k]) if text.startswith(literals[k], position) else start
            end = _find_end(text, shown, content, stems[k + 1], last=k == len(contents) - 1)
            turns.append(Turn(position + header, start, end))
            position = end
        if text[position:] != literals[-1]:
            raise RenderError("the end of the last assistant turn cannot be found in the rendering")
        return turns

    def _cut(self, literal: str) -> tuple[int, int]:
        """Where the header at the end of a literal begins and ends; what follows it is the response's already."""
        at = literal.rfind(self._header) if self._header else -1
        return (at, at + len(self._header)) if at >= 0 else (len(literal), len(literal))


def _compiled(name: str, source: str) -> Any:  # noqa: ANN401 - a jinja2.Template
    """The template as transformers compiles it, with all that chat templates may use."""
    import jinja2
    from transformers.utils.chat_template_utils import _compile_jinja_template

    try:
        return _compile_jinja_template(source)
    except jinja2.TemplateError as error:
        raise DataselectError(f"the template {name} is not valid Jinja: {' '.join(str(error).split())}") from None


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
