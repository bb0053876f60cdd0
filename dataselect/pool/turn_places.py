"""Where the assistant turns of a dialogue stand in what a chat template made of it.

Both ways start from the template's own words between turns. `foreseen` takes those of another dialogue with the same
roles, and holds only if the rendering is these words and this dialogue's contents to the letter. `aligned` takes those
of this very dialogue, rendered with sentinels for responses, and finds what became of each turn between them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dataselect.errors import RenderError
from dataselect.pool.spans import Turn


@dataclass(frozen=True, slots=True)
class Words:
    """What a template writes before a turn or behind the last; an assistant's header is `text[header:cut]`."""

    text: str
    header: int
    cut: int

    @classmethod
    def of(cls, text: str, header: str) -> Words:
        """Find the header; where there is none, it is empty and at the end. What follows it is the response's."""
        at = text.rfind(header) if header else -1
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
