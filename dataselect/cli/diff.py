"""`dataselect diff`: compare two selections, and print the rows that differ."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dataselect.cli import options
from dataselect.errors import UsageError

if TYPE_CHECKING:
    from dataselect.comparison.selection_diff import RankedRows, SelectionDifference, Side

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command("diff")
@click.argument("a", metavar="A.jsonl", type=_FILE)
@click.argument("b", metavar="B.jsonl", type=_FILE)
@click.option(
    "-n",
    "--limit",
    "rows",
    metavar="N",
    type=click.IntRange(min=0),
    default=5,
    show_default=True,
    help="Differing rows to print of each.",
)
@options.also_out("diff")
def command(a: Path, b: Path, rows: int, out: Path | None, overwrite: bool) -> None:
    """Compare two selections: their overlap, their order, and the rows that differ.

    \b
    Example:
      dataselect diff low.jsonl random.jsonl
    """
    from dataselect.comparison.selection_diff import difference, read_ranked
    from dataselect.stage import write_document

    if a.resolve() == b.resolve():
        raise UsageError(f"A and B are the same file {a}", "give two selections")
    one, other = read_ranked(a), read_ranked(b)
    found = difference(one, other, rows)
    for line in _lines(found, one, other):
        options.emit(line)
    if out is not None:
        options.say(f"written to {write_document('diff', out, {'kind': 'diff', **asdict(found)}, overwrite)}")


def _lines(found: SelectionDifference, a: RankedRows, b: RankedRows) -> Iterator[str]:
    yield f"A is {a.path}, {found.a.rows:,} rows; B is {b.path}, {found.b.rows:,} rows."
    for key, (here, there) in found.made.items():
        yield f"  {key}: {_short(here)} in A, {_short(there)} in B"
    yield ""
    yield f"{found.both:,} rows are in both, {found.a.only_here:,} only in A, {found.b.only_here:,} only in B."
    yield f"Jaccard {found.jaccard:.3f}. {_chance(found)}"
    yield _order(found)
    yield ""
    yield from _lengths(found)
    yield from _sources(found)
    for name, other, side, rows in (("A", "B", found.a, a), ("B", "A", found.b, b)):
        yield from _telling(name, other, side, rows)


def _chance(found: SelectionDifference) -> str:
    if found.by_chance is None:
        return "The two were chosen from different pools, so no overlap by chance can be computed."
    times = f", {found.both / found.by_chance:.1f} times as many" if found.by_chance else ""
    return (
        f"Two random draws of these sizes would share {found.by_chance:,.1f} rows; these share {found.both:,}{times}."
    )


def _order(found: SelectionDifference) -> str:
    if found.spearman is None or found.kendall is None:
        return "Too few rows are in both to compare their order."
    return f"Over the rows in both the orders agree by Spearman {found.spearman:+.3f}, Kendall {found.kendall:+.3f}."


def _lengths(found: SelectionDifference) -> Iterator[str]:
    if found.a.length is None or found.b.length is None:
        return
    yield f"{found.length_unit.replace('_', ' '):24}  5 %   25 %    50 %    75 %    95 %"
    for name, values in (("A", found.a.length), ("B", found.b.length)):
        yield f"  {name:20}" + "".join(f"{value:8,.0f}" for value in values)


def _sources(found: SelectionDifference) -> Iterator[str]:
    names = sorted(found.a.sources.keys() | found.b.sources.keys())
    yield f"{'source':44}{'A':>8}{'B':>8}"
    for name in names:
        yield f"  {_plain(name)[:40]:42}{found.a.sources.get(name, 0):8,}{found.b.sources.get(name, 0):8,}"
    yield ""


def _telling(name: str, other: str, side: Side, rows: RankedRows) -> Iterator[str]:
    if not side.telling:
        return
    texts = _texts(rows.path, {one.id for one in side.telling})
    yield f"Rows that {name} ranks high and {other} has not chosen:"
    for one in side.telling:
        there = (
            f"{other} ranks it {one.rank_there:,}" if one.rank_there else f"{other}: {one.reason_there or 'not ranked'}"
        )
        yield f"  {one.rank:>6,}  {_plain(one.id)[:24]:24}  {there}"
        yield f"          {texts.get(one.id, '')}"
    yield ""


def _texts(path: Path, wanted: set[str]) -> dict[str, str]:
    """The first words of prompt and response of the `wanted` rows."""
    from dataselect.comparison.excerpts import read_texts, shortened
    from dataselect.pool import PoolReader

    found = read_texts(PoolReader([str(path)]), wanted).excerpts
    return {
        id_: " -> ".join(_plain(shortened(" ".join(part.split()), 60)) for part in (one.prompt, one.response) if part)
        for id_, one in found.items()
    }


def _plain(text: str) -> str:
    from dataselect.comparison.excerpts import printable

    return printable(text)


def _short(value: Any) -> str:
    from dataselect.artifacts import canonical_json

    text = value if isinstance(value, str) else canonical_json(value)
    return text if len(text) <= 60 else text[:57] + "..."
