"""Tokens as text for a terminal: coloured by surprise, or plain with the most surprising ones in brackets.

The colour tells how likely the model held the token to be, given all before it, in steps that can be said in words:
at least 1 in 2, 1 in 10, 1 in 100, 1 in 1,000, or less; in nats the bounds are ln 2, ln 10, ln 100 and ln 1,000. What
part a token belongs to is told by the letters: the response is bold, the prompt is not, end tokens are underlined.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import click

from dataselect.analysis.printable import printable
from dataselect.analysis.surprise import STEPS, Surprise, TokenSurprise, step_of

_COLOURS: tuple[dict[str, Any], ...] = (
    {"fg": "green"}, {"fg": "cyan"}, {"fg": "yellow"}, {"fg": "red"}, {"fg": "white", "bg": "red"},
)  # fmt: skip
"""One for each of `STEPS`."""

_PART: dict[str, dict[str, Any]] = {"prompt": {}, "response": {"bold": True}, "end": {"underline": True}}
_UNSCORED: dict[str, Any] = {"dim": True}

REST = "rest of a character"
"""Shown for a token that holds only further bytes of a character that the token before it shows."""

_WIDTH = 24
"""Most characters of context on each side of a token."""


def style_of(token: TokenSurprise) -> dict[str, Any]:
    """Colours and letters of a token, as `click.style` takes them."""
    if token.nats is None:
        return _UNSCORED
    return {**_COLOURS[step_of(token.nats)], **_PART[token.part]}


def coloured(surprise: Surprise) -> str:
    """The text with every token in its style; control characters of the text are replaced."""
    return "".join(_styled(token) for token in surprise.tokens)


def legend() -> str:
    """What the colours mean, in the colours."""
    steps = "  ".join(click.style(words, **style) for (_, words), style in zip(STEPS, _COLOURS, strict=True))
    parts = {"response": _PART["response"], "prompt": _PART["prompt"], "end": _PART["end"], "not scored": _UNSCORED}
    letters = "  ".join(click.style(name, **style) for name, style in parts.items())
    return f"how likely the model held it: {steps}  |  {letters}"


def bracketed(surprise: Surprise, places: Sequence[int]) -> str:
    """The text without colour, with the tokens of some places in brackets."""
    marked = set(places)
    return "".join(
        f"[{printable(token.text)}]" if at in marked and token.text else printable(token.text)
        for at, token in enumerate(surprise.tokens)
    )


def listed(surprise: Surprise, places: Sequence[int]) -> Iterator[str]:
    """One line per token: nats, the odds that they stand for, its rank, and where it stands."""
    for at in places:
        token = surprise.tokens[at]
        assert token.nats is not None, "only scored tokens are surprising"
        rank = "" if token.rank is None else f"  {token.rank:>6,}"
        yield f"{token.nats:6.2f}  {_odds(token.nats):>14}{rank}  {_context(surprise.tokens, at)}"


def _odds(nats: float) -> str:
    odds = math.exp(min(nats, 99.0))
    if odds < 10:
        return f"1 in {odds:.1f}"
    if odds < 1e6:
        return f"1 in {odds:,.0f}"
    return f"1 in {odds / 1e6:,.0f} million" if odds < 1e9 else "under 1e-9"


def _context(tokens: Sequence[TokenSurprise], at: int) -> str:
    """A token in brackets, with what stands around it in its part."""
    before = _line("".join(token.text for token in tokens[max(0, at - _WIDTH) : at] if token.part == tokens[at].part))
    after = _line("".join(token.text for token in tokens[at + 1 : at + 1 + _WIDTH] if token.part == tokens[at].part))
    return f"{before[-_WIDTH:]}[{_line(tokens[at].text) or REST}]{after[:_WIDTH]}"


def _line(text: str) -> str:
    """Text on one line, line breaks as arrows."""
    return printable(text).replace("\n", "\N{DOWNWARDS ARROW WITH CORNER LEFTWARDS}").replace("\t", " ")


def _styled(token: TokenSurprise) -> str:
    """Line by line, so that no background runs to the edge of the terminal."""
    style = style_of(token)
    return "\n".join(click.style(line, **style) if line else "" for line in printable(token.text).split("\n"))
