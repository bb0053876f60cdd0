"""Tokens as text for a terminal: coloured by their NLL, or plain with the least likely ones in brackets.

The colour shows the probability of the token under the model, given all before it, in five steps: at least 1 in 2,
1 in 10, 1 in 100, 1 in 1,000, or less; in nats the bounds are ln 2, ln 10, ln 100 and ln 1,000. The typeface shows the
part: the response is bold, the prompt is not, end tokens are underlined.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import click

from dataselect.comparison.excerpts import printable
from dataselect.comparison.token_nll import STEPS, RowNll, TokenNll, step_of

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


def style_of(token: TokenNll) -> dict[str, Any]:
    """Colour and typeface of a token, as `click.style` takes them."""
    if token.nats is None:
        return _UNSCORED
    return {**_COLOURS[step_of(token.nats)], **_PART[token.part]}


def coloured(row: RowNll) -> str:
    """The text with every token in its style; control characters of the text are replaced."""
    return "".join(_styled(token) for token in row.tokens)


def legend() -> str:
    """The steps of probability, each in its colour, and the parts in their typefaces."""
    steps = "  ".join(click.style(words, **style) for (_, words), style in zip(STEPS, _COLOURS, strict=True))
    parts = {"response": _PART["response"], "prompt": _PART["prompt"], "end": _PART["end"], "not scored": _UNSCORED}
    typefaces = "  ".join(click.style(name, **style) for name, style in parts.items())
    return f"probability under the model: {steps}  |  {typefaces}"


def bracketed(row: RowNll, places: Sequence[int]) -> str:
    """The text without colour, with the tokens of some places in brackets."""
    marked = set(places)
    return "".join(
        f"[{printable(token.text)}]" if at in marked and token.text else printable(token.text)
        for at, token in enumerate(row.tokens)
    )


def listed(row: RowNll, places: Sequence[int]) -> Iterator[str]:
    """One line per token: nats, its odds, its rank, and its context."""
    for at in places:
        token = row.tokens[at]
        assert token.nats is not None, "only scored tokens have an NLL"
        rank = "" if token.rank is None else f"  {token.rank:>6,}"
        yield f"{token.nats:6.2f}  {_odds(token.nats):>14}{rank}  {_context(row.tokens, at)}"


def _odds(nats: float) -> str:
    odds = math.exp(min(nats, 99.0))
    if odds < 10:
        return f"1 in {odds:.1f}"
    if odds < 1e6:
        return f"1 in {odds:,.0f}"
    return f"1 in {odds / 1e6:,.0f} million" if odds < 1e9 else "under 1e-9"


def _context(tokens: Sequence[TokenNll], at: int) -> str:
    """A token in brackets, with its neighbours in the same part."""
    before = _line("".join(token.text for token in tokens[max(0, at - _WIDTH) : at] if token.part == tokens[at].part))
    after = _line("".join(token.text for token in tokens[at + 1 : at + 1 + _WIDTH] if token.part == tokens[at].part))
    return f"{before[-_WIDTH:]}[{_line(tokens[at].text) or REST}]{after[:_WIDTH]}"


def _line(text: str) -> str:
    """Text on one line, line breaks as arrows."""
    return printable(text).replace("\n", "\N{DOWNWARDS ARROW WITH CORNER LEFTWARDS}").replace("\t", " ")


def _styled(token: TokenNll) -> str:
    """Line by line, so that no background runs to the edge of the terminal."""
    style = style_of(token)
    return "\n".join(click.style(line, **style) if line else "" for line in printable(token.text).split("\n"))
