"""An explanation, and the rows that were left out, as text for a terminal. It computes nothing.

All text from files is made printable before it is styled, so that a pool cannot send control characters to the
terminal.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

import click

from dataselect.comparison.excerpts import Excerpt, printable, shortened
from dataselect.comparison.token_nll import RowNll, TokenPart
from dataselect.explanation.colours import bracketed, coloured, legend, listed
from dataselect.explanation.exclusion import in_words, number, outcome
from dataselect.explanation.left_out import UNREADABLE, Dropped, DroppedRow, Reasons
from dataselect.explanation.numbers import Percentile
from dataselect.explanation.request import TOP, Explanation, Neighbour
from dataselect.explanation.selected import DUPLICATES

_WIDE = 100
_SHORT, _LONG = 60, 100
"""Most characters of prompt and response: under a neighbour, and under a row that was left out."""

_NUMBERS = 6
"""Numbers that fit on the line of a row that was left out."""


def lines(found: Explanation, colour: bool) -> Iterator[str]:
    """The lines to print for one row.

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


def dropped_lines(found: Dropped) -> Iterator[str]:
    """The lines to print for the rows that were left out for one reason."""
    noun = "record" if found.reason == UNREADABLE else "row"
    many = f"{found.count:,} {noun} was" if found.count == 1 else f"{found.count:,} {noun}s were"
    shown = f"; the first {len(found.rows):,}" if 0 < len(found.rows) < found.count else ""
    yield _one_line(f"{many} excluded from {found.selection} ({found.strategy}): {in_words(found.reason)}{shown}")
    for row in found.rows:
        yield ""
        yield f"  {_one_line(_dropped_row(found.reason, row))}"
        yield from _excerpt(row.text, "    ", _LONG)
    if found.missing:
        yield ""
        yield "Not shown:"
        yield from (f"  {_one_line(line)}" for line in found.missing)


def reason_lines(found: Reasons) -> Iterator[str]:
    """The lines to print for the reasons, each with its count."""
    yield _one_line(f"{found.selection} keeps {found.kept:,} of {found.pool_rows:,} rows.")
    width = max((len(reason) for reason in found.counts), default=0)
    for reason, count in found.counts.items():
        words = in_words(reason)
        yield f"  {reason.ljust(width)}  {count:>9,}" + ("" if words == reason else f"  {words}")
    if found.counts:
        yield f"rows of a reason: dataselect explain {_one_line(found.selection)} --dropped {next(iter(found.counts))}"


def _dropped_row(reason: str, row: DroppedRow) -> str:
    place = row.source if row.line is None else f"{row.source}:{row.line:,}"
    facts = [f"rank {row.rank:,}"] if row.rank else []
    if row.because is not None:
        facts.append(f"repeats {row.because!r}" if reason in DUPLICATES else row.because)
    shown = list(row.numbers.items())[:_NUMBERS]
    facts += [f"{name} {number(value) if isinstance(value, float) else value}" for name, value in shown]
    who = f"{row.id} ({place})" if row.id else place
    return f"{who}: {', '.join(facts)}" if facts else who


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
        yield from _excerpt(found.other.text, f"    {_one_line(found.other.id)}: ", _SHORT)
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


def _name(found: Explanation, one: Percentile) -> str:
    if one.name == "score":
        return f"score by {found.scored_by}"
    return found.length_unit.replace("_", " ") if one.name == "length" else one.name


def _percentile(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"


def _neighbours(rows: Sequence[Neighbour]) -> Iterator[str]:
    for one in rows:
        yield f"  {_cosine(one.cosine)}  {_one_line(f'{one.id} ({outcome(one.reason, one.rank)})')}"
        yield from _excerpt(one.text, "         ", _SHORT)


def _targets(found: Explanation) -> Iterator[str]:
    for one in found.targets:
        yield f"  {_cosine(one.cosine)}  {_one_line(f'{one.id} of {one.task}')}"
        yield from _excerpt(one.text, "         ", _SHORT)


def _tokens(row: RowNll, colour: bool) -> Iterator[str]:
    top = row.top(TOP)
    if colour:
        yield f"  {legend()}"
        yield ""
    yield (coloured(row) if colour else bracketed(row, top)).rstrip("\n")
    if row.truncated:
        yield "  (it continues; only this much was scored)"
    yield ""
    yield f"  {_means(row)}"
    if top:
        marked = "" if colour else ", in brackets above"
        ranks = "" if row.tokens[top[0]].rank is None else ", rank in the vocabulary"
        yield f"  The least likely tokens of the response{marked} (nats, probability{ranks}, where):"
        yield from (f"  {line}" for line in listed(row, top))


def _means(row: RowNll) -> str:
    parts: tuple[TokenPart, ...] = ("response", "prompt", "end")
    means = [(part, row.mean(part)) for part in parts]
    known = ", ".join(f"{part} {mean:.2f}" for part, mean in means if mean is not None)
    return f"Mean NLL (-log p) in nats per token: {known}."


def _text(text: Excerpt) -> Iterator[str]:
    for name, part in (("prompt", text.prompt), ("response", text.response)):
        if part:
            yield f"  [{name}]"
            yield from (f"  {line}" for line in printable(part).split("\n"))


def _excerpt(text: Excerpt | None, indent: str, most: int) -> Iterator[str]:
    if text is not None:
        parts = [_one_line(shortened(part, most)) for part in (text.prompt, text.response) if part]
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
