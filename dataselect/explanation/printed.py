"""An explanation as text for a terminal: the answer first, then what it rests on.

It computes nothing. All text from files is made printable before it is styled, so that a pool cannot drive the
terminal.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

import click

from dataselect.analysis.excerpts import Excerpt, shortened
from dataselect.analysis.printable import printable
from dataselect.analysis.surprise import Part, Surprise
from dataselect.explanation.case import fate, number
from dataselect.explanation.colours import bracketed, coloured, legend, listed
from dataselect.explanation.result import TOP, Explanation, Neighbour
from dataselect.explanation.standing import Standing

_WIDE = 100
_EXCERPT = 60


def lines(found: Explanation, colour: bool) -> Iterator[str]:
    """The lines to print.

    Args:
        colour: Whether the terminal shows colours.
    """
    for title, block in _blocks(found, colour):
        body = list(block)
        if body:
            yield click.style(title, bold=True) if colour else title
            yield from body
            yield ""
    for note in found.notes:
        yield from _wrapped(f"Note: {note}.")
    if found.missing:
        yield "Not shown:"
        for line in found.missing:
            yield from _wrapped(line, "  ")


def _blocks(found: Explanation, colour: bool) -> Iterator[tuple[str, Iterator[str]]]:
    where = found.source if found.line is None else f"{found.source}:{found.line}"
    yield _one_line(f"{found.id} ({where}) in {found.selection}"), _answer(found)
    yield "Its numbers", _numbers(found)
    yield f"Nearest rows of the pool, by cosine of {_one_line(found.embedded)}", _neighbours(found.neighbours)
    yield f"Nearest targets, by cosine of {_one_line(found.embedded)}", _targets(found)
    if found.surprise is not None:
        yield f"Its text as {_one_line(found.surprise.model)} read it", _tokens(found.surprise, colour)
    elif found.text is not None:
        yield "Its text", _text(found.text)


def _answer(found: Explanation) -> Iterator[str]:
    yield from _wrapped(" ".join(found.outcome.sentences), "  ")
    if found.other is not None:
        yield from _excerpt(found.other.text, f"    {_one_line(found.other.id)}: ")
    for rule in found.rule:
        yield from _wrapped(f"{rule}.", "  ")


def _numbers(found: Explanation) -> Iterator[str]:
    known = [one for one in found.numbers if one.value is not None]
    rows = [("", "value", "percentile", *(("in its file",) if found.sources > 1 else ()), "of rows")]
    for one in known:
        of = f"{one.of:,}" if found.sources == 1 else f"{one.of:,} and {one.source_of:,}"
        here = (_percentile(one.source_percentile),) if found.sources > 1 else ()
        rows.append((_name(found, one), number(one.value or 0.0), _percentile(one.percentile), *here, of))
    if known:
        yield from _table(rows)


def _name(found: Explanation, one: Standing) -> str:
    if one.name == "score":
        return f"score by {found.scored_by}"
    return found.length_unit.replace("_", " ") if one.name == "length" else one.name


def _percentile(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"


def _neighbours(rows: Sequence[Neighbour]) -> Iterator[str]:
    for one in rows:
        yield f"  {_cosine(one.cosine)}  {_one_line(f'{one.id} ({fate(one.reason, one.rank)})')}"
        yield from _excerpt(one.text, "         ")


def _targets(found: Explanation) -> Iterator[str]:
    for one in found.targets:
        yield f"  {_cosine(one.cosine)}  {_one_line(f'{one.id} of {one.task}')}"
        yield from _excerpt(one.text, "         ")


def _tokens(surprise: Surprise, colour: bool) -> Iterator[str]:
    top = surprise.top(TOP)
    if colour:
        yield f"  {legend()}"
        yield ""
    yield (coloured(surprise) if colour else bracketed(surprise, top)).rstrip("\n")
    if surprise.truncated:
        yield "  (it goes on; only this much was scored)"
    yield ""
    yield f"  {_means(surprise)}"
    if top:
        marked = "" if colour else ", in brackets above"
        ranks = "" if surprise.tokens[top[0]].rank is None else ", rank in the vocabulary"
        yield f"  The most surprising tokens of the response{marked} (nats, how likely{ranks}, where):"
        yield from (f"  {line}" for line in listed(surprise, top))


def _means(surprise: Surprise) -> str:
    parts: tuple[Part, ...] = ("response", "prompt", "end")
    means = [(part, surprise.mean(part)) for part in parts]
    told = ", ".join(f"{part} {mean:.2f}" for part, mean in means if mean is not None)
    return f"Mean surprise (-log p) in nats per token: {told}."


def _text(text: Excerpt) -> Iterator[str]:
    for name, part in (("prompt", text.prompt), ("response", text.response)):
        if part:
            yield f"  [{name}]"
            yield from (f"  {line}" for line in printable(part).split("\n"))


def _excerpt(text: Excerpt | None, indent: str) -> Iterator[str]:
    if text is not None:
        parts = [_one_line(shortened(part, _EXCERPT)) for part in (text.prompt, text.response) if part]
        yield indent + " -> ".join(parts)


def _cosine(value: float | None) -> str:
    return "  -  " if value is None else f"{value:.3f}"


def _table(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for name, *cells in rows:
        padded = (cell.rjust(width) for cell, width in zip(cells, widths[1:], strict=True))
        yield f"  {name.ljust(widths[0])}  {'  '.join(padded)}"


def _wrapped(text: str, indent: str = "") -> list[str]:
    return textwrap.wrap(
        _one_line(text), _WIDE, initial_indent=indent, subsequent_indent=indent, break_long_words=False,
        break_on_hyphens=False,
    )  # fmt: skip


def _one_line(text: str) -> str:
    return " ".join(printable(text).split())
