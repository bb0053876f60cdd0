"""Special tokens that a record's own text spells out, such as `<|im_end|>` in an answer about chat templates.

A tokenizer makes a control token of them wherever they stand, so that a text can end its own turn. How often a record
has one is counted, and with `--special-tokens text` they stay text: what the template writes is a control token, what
the record says is not. For that each special token has two stand-ins of its own length, made of private-use characters.
The record goes to the template with one in place of each special token that it spells, so that what stands in the
rendering by itself is the template's own. The rendering then goes to the tokenizer with the other in place of the
template's own, and with the record's as it was spelled; and the tokenizer is a copy that knows its special tokens by
these stand-ins alone. Equal lengths leave every place in the text what it is.

Left out: added tokens that are not special, such as `<think>`, which are vocabulary like any other.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from dataselect.errors import RenderError, UsageError
from dataselect.pool.tokenizer import added_token_pattern, engine_json
from dataselect.records import Example

_PLANE = range(0x100000, 0x10FFFE)
_OURS = re.compile("([\U00100000-\U0010fffd])\\1*")
_ESCAPED = re.compile(r"\\udb[c-f]", re.IGNORECASE)
"""These characters as JSON in ASCII writes them."""


class SpecialTexts:
    """The special tokens of one tokenizer, as texts.

    Args:
        tokenizer: A transformers tokenizer.
    """

    def __init__(self, tokenizer: Any) -> None:  # noqa: ANN401
        self._tokenizer = tokenizer
        self._found = added_token_pattern(tokenizer, special=True)
        ids = {one.content: number for number, one in tokenizer.added_tokens_decoder.items() if one.special}
        self._ids = dict(sorted(ids.items()))
        codes = iter(_PLANE)
        self._hidden = {text: chr(next(codes)) * len(text) for text in self._ids}
        self._masked = {text: chr(next(codes)) * len(text) for text in self._ids}
        self._spelled = {stand_in[0]: text for text, stand_in in self._hidden.items()}

    def count(self, example: Example) -> int:
        """Count the special tokens that a record's own text spells out."""
        return sum(len(self._found.findall(text)) for text in _texts(example))

    def hidden(self, example: Example) -> Example:
        """Replace each of them by a stand-in.

        Raises:
            RenderError: If the text holds characters that stand-ins are made of.
        """
        if any(_OURS.search(text) for text in _texts(example)):
            raise RenderError("the text holds private-use characters that --special-tokens text needs for itself")
        return _mapped(example, lambda text: self._found.sub(lambda mark: self._hidden[mark[0]], text))

    def shown(self, text: str) -> str:
        """A rendering of what was hidden, as it was spelled.

        Raises:
            RenderError: If the template wrote a stand-in in another way.
        """
        if _ESCAPED.search(text):
            raise RenderError("the template escapes characters, which --special-tokens text cannot follow")
        return _OURS.sub(self._spell, text)

    def _spell(self, run: re.Match[str]) -> str:
        """The text behind a run of one stand-in; the template's own stay."""
        spelled = self._spelled.get(run[1])
        return run[0] if spelled is None else spelled * (len(run[0]) // len(spelled))

    def masked(self, text: str) -> str:
        """A rendering of what was hidden, for the engine of `engine_json`."""
        return self.shown(self._found.sub(lambda mark: self._masked[mark[0]], text))

    def engine_json(self) -> str:
        """The tokenizer's engine as JSON, with special tokens that only stand-ins spell.

        Raises:
            UsageError: If the tokenizer does not take to that.
        """
        from tokenizers import Tokenizer

        parts = json.loads(engine_json(self._tokenizer))
        for token in parts["added_tokens"]:
            token["content"] = self._masked.get(token["content"], token["content"])
        parts |= {"model": _renamed(parts["model"], self._masked), "post_processor": None}
        engine = Tokenizer.from_str(json.dumps(parts))
        found = engine.encode_batch_fast(list(self._masked.values()), add_special_tokens=False)
        if [one.ids for one in found] != [[number] for number in self._ids.values()]:
            raise UsageError(
                "this tokenizer's special tokens cannot be distinguished from text", "use --special-tokens control"
            )
        text: str = engine.to_str()
        return text


def _renamed(model: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """A tokenizer's model with other names for some tokens, which no text spells any more."""
    vocabulary = model["vocab"]
    if isinstance(vocabulary, dict):
        vocabulary = {names.get(token, token): number for token, number in vocabulary.items()}
    else:
        vocabulary = [[names.get(token, token), score] for token, score in vocabulary]
    unknown = model.get("unk_token")
    return {**model, "vocab": vocabulary} | ({"unk_token": names.get(unknown, unknown)} if unknown else {})


def _texts(example: Example) -> Iterator[str]:
    """All texts of a record that a template may show."""
    if example.text is not None:
        yield example.text
    for message in example.messages:
        yield from (message.content, message.input, message.name)
        if message.tool_calls:
            yield from _leaves(message.tool_calls)
    if example.tools:
        yield from _leaves(example.tools)


def _leaves(value: Any) -> Iterator[str]:  # noqa: ANN401 - nested plain values
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            yield name
            yield from _leaves(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _leaves(inner)


def _mapped(example: Example, change: Callable[[str], str]) -> Example:
    """A record with all of `_texts` changed."""
    if example.text is not None:
        return replace(example, text=change(example.text))
    messages = [
        replace(
            one, content=change(one.content), input=change(one.input), name=change(one.name),
            tool_calls=_inner(one.tool_calls, change),
        )
        for one in example.messages
    ]  # fmt: skip
    return replace(example, messages=tuple(messages), tools=_inner(example.tools, change))


def _inner(value: Any, change: Callable[[str], str]) -> Any:  # noqa: ANN401 - nested plain values
    if isinstance(value, str):
        return change(value)
    if isinstance(value, Mapping):
        return {change(name): _inner(inner, change) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_inner(inner, change) for inner in value)
    return value
