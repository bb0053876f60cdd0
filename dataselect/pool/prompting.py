"""Prompts for a model that writes the response itself: the conversation up to the assistant's header.

The prompt is cut out of a rendering of the whole conversation with a stand-in for the response, by the same masks that
training uses, so it is a prefix of what the model was trained on, in text and in tokens. Spaces at the header's end are
left for the model to write: most tokenizers join a space to the word behind it, so that a model trained on ` yes` after
`###Answer:` has never seen a word after a space of its own. Where the template closes a turn with a token, that token
ends an answer; a model that was not trained to end its turns often begins another one with the text of `next_turn`.

Left out: tokenizers that join a line break to what follows it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dataselect.pool.rendering import Renderer
from dataselect.pool.tokenizer import special_tokens
from dataselect.records import END, RESPONSE, Example, Message, Reject, Rendered

_STAND_IN = "x"
_ANOTHER = "\ue000"
"""A user's second turn: a character that no template writes."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """One prompt as a model sees it.

    Attributes:
        ids: (n_tokens,) int32; empty if there is no prompt.
        status: "ok", or why there is none: "too_long", or the reason why the template refuses.
    """

    ids: NDArray[np.int32]
    status: str = "ok"


_NOTHING = np.zeros(0, np.int32)


def render_prompts(renderer: Renderer, conversations: Sequence[Sequence[Message]]) -> list[Prompt]:
    """Render conversations whose last turn is the user's, up to the header of the response to it.

    Args:
        conversations: The turns of each, earlier responses included.
    """
    return [_prompt(one) for one in renderer.render([_answered(turns) for turns in conversations])]


def render_texts(renderer: Renderer, texts: Sequence[str]) -> list[Prompt]:
    """Render plain texts that the model continues."""
    found = []
    for one in renderer.render([Example("", "prompts", {}, text=text) for text in texts]):
        if isinstance(one, Reject) or len(one.token_ids) == 0:
            found.append(Prompt(_NOTHING, one.reason if isinstance(one, Reject) else "too_short"))
        else:
            over = len(one.token_ids) > renderer.max_length
            found.append(Prompt(_NOTHING, "too_long") if over else Prompt(one.token_ids))
    return found


def stop_tokens(renderer: Renderer) -> frozenset[int]:
    """Ids of the tokens that end a response: those that stand behind it in training, and EOS."""
    special = special_tokens(renderer.tokenizer)
    (one,) = renderer.render([_answered([Message("user", _STAND_IN)])])
    behind = set() if isinstance(one, Reject) else set(one.token_ids[one.parts == END].tolist())
    return frozenset(behind & special.added) | frozenset([] if special.eos is None else [special.eos])


def next_turn(renderer: Renderer) -> str:
    """The template's text between a response and the user's next turn; empty where tokens end a response."""
    turns = [Message("user", _STAND_IN), Message("assistant", _STAND_IN), Message("user", _ANOTHER)]
    (one,) = renderer.render([_answered(turns)])
    if isinstance(one, Reject) or not one.scorable:
        return ""
    first = int(np.argmax(one.parts == RESPONSE))
    begin = one.text.find(_STAND_IN, int(one.spans[first][0])) + len(_STAND_IN)
    special = special_tokens(renderer.tokenizer)
    between = one.text[begin : one.text.find(_ANOTHER)].removeprefix(special.eos_text)
    marks = [token.content for i, token in renderer.tokenizer.added_tokens_decoder.items() if i in special.added]
    return "" if any(mark in between for mark in marks) else between.strip()


def _answered(turns: Sequence[Message]) -> Example:
    return Example("", "prompts", {}, (*turns, Message("assistant", _STAND_IN)))


def _prompt(one: Rendered | Reject) -> Prompt:
    """Cut a rendering where its last run of response tokens begins, or the spaces before that."""
    if isinstance(one, Reject):
        return Prompt(_NOTHING, one.reason)
    if one.status != "ok":
        return Prompt(_NOTHING, "too_long" if one.status == "truncated" else one.status)
    places = np.flatnonzero(one.parts == RESPONSE)
    gaps = np.flatnonzero(np.diff(places) > 1)
    begin = int(places[gaps[-1] + 1] if len(gaps) else places[0])
    while begin and _is_space(one, begin - 1):
        begin -= 1
    return Prompt(one.token_ids[:begin]) if begin else Prompt(_NOTHING, "too_short")


def _is_space(one: Rendered, token: int) -> bool:
    first, end = one.spans[token]
    return bool(end > first) and not one.text[first:end].strip(" \t")
