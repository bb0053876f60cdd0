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
from functools import lru_cache
from pathlib import Path
from typing import Any

from dataselect.errors import DataselectError, RenderError, UsageError
from dataselect.pool.spans import Templated, Turn, response_text
from dataselect.pool.turn_places import Words, aligned, foreseen
from dataselect.records import Example, Message

_SENTINEL = "\ue000{}\ue001"
_SENTINELS = re.compile("\ue000[0-9]+\ue001")
_OUTLINES = 1024
"""Sequences of roles whose outlines are kept."""


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
        """The template's words around the turns of a dialogue; empty if they cannot be told for these roles."""
        turns = [{"role": role, "content": _SENTINEL.format(k)} for k, role in enumerate(roles)]
        try:
            literals = _SENTINELS.split(self._apply(turns))
        except RenderError:
            return ()
        before = [literal for literal, role in zip(literals, roles, strict=False) if role == "assistant"]
        fits = len(literals) == len(roles) + 1 and all(self._header in literal for literal in before)
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


def _compiled(name: str, source: str) -> Any:  # noqa: ANN401 - a jinja2.Template
    """The template as transformers compiles it, with all that chat templates may use."""
    import jinja2
    from transformers.utils.chat_template_utils import _compile_jinja_template

    try:
        return _compile_jinja_template(source)
    except jinja2.TemplateError as error:
        raise DataselectError(f"the template {name} is not valid Jinja: {' '.join(str(error).split())}") from None
