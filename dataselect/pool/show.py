"""A rendered example as text for people, with the tokens of each part marked."""

from __future__ import annotations

import itertools

from dataselect.escaping import escaped
from dataselect.records import END, PROMPT, RESPONSE, UNSCORED, Rendered

_SEAM = 3
"""The mark of a seam token, beside the part codes."""

_BRACKETS = {
    PROMPT: ("", "", ""),
    RESPONSE: ("[", "]", "|"),
    _SEAM: ("<", ">", "|"),
    END: ("{", "}", "|"),
    UNSCORED: ("~", "~", "|"),
}
_COLOURS = {
    PROMPT: "\x1b[2m",
    RESPONSE: "\x1b[1;32m",
    _SEAM: "\x1b[1;33m",
    END: "\x1b[1;35m",
    UNSCORED: "\x1b[2;9m",
}
_RESET = "\x1b[0m"


def shown(one: Rendered, template: str, coloured: bool, side: str = "") -> str:
    """A heading with counts, then the rendering with its tokens marked.

    Args:
        template: The template's name, for the heading.
        coloured: Terminal colours instead of brackets. Control characters of the text are shown escaped either way.
        side: Which reply of a preference record it is; "" for other records.
    """
    heading = f"--- {escaped(one.id)}{side and ', ' + side} ({escaped(one.source)}, {template}): {one.status}"
    if not one.tokenised:
        return f"{heading}, {len(one.text):,} characters"
    counts = {part: int((one.parts == part).sum()) for part in (PROMPT, RESPONSE, END)}
    heading += (
        f"; {counts[PROMPT]} prompt, {counts[RESPONSE]} response, {counts[END]} end, {one.seam_tokens} seam of "
        f"{len(one.token_ids)} tokens"
    )
    if one.special_texts:
        heading += f"; its own text spells out {one.special_texts} special tokens"
    marks = [_SEAM if token in one.seams else part for token, part in enumerate(one.parts.tolist())]
    groups = itertools.groupby(range(len(marks)), marks.__getitem__)
    show = _coloured if coloured else _bracketed
    return heading + "\n" + "".join(show(mark, [_token(one, t) for t in tokens]) for mark, tokens in groups)


def _token(one: Rendered, token: int) -> str:
    """The characters of a token that no token before it has shown."""
    start, end = (int(x) for x in one.spans[token])
    previous_end = int(one.spans[token - 1][1]) if token else 0
    return _escaped(one.text[max(start, previous_end) : end]) if end else "BOS"


def _coloured(mark: int, tokens: list[str]) -> str:
    return "".join(f"{_COLOURS[mark]}{text}{_RESET}" for text in tokens)


def _bracketed(mark: int, tokens: list[str]) -> str:
    before, after, between = _BRACKETS[mark]
    return before + between.join(tokens) + after


def _escaped(text: str) -> str:
    """Line breaks stay; other control characters are written out, so that a pool cannot drive the terminal."""
    return "".join(c if c == "\n" or c.isprintable() else c.encode("unicode_escape").decode() for c in text)
