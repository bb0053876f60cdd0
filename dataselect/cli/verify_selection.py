"""`dataselect verify-selection`: make a selection again from its manifest and compare."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dataselect.cli import options

if TYPE_CHECKING:
    from dataselect.selection.replay import Replay


@click.command("verify-selection")
@click.argument("file", metavar="FILE.jsonl", type=click.Path(path_type=Path, dir_okay=False))
def command(file: Path) -> int:
    """Make a selection again from its manifest, and compare the rows.

    The manifest beside FILE names its inputs with digests and paths, and the rule as it was typed. Exits with 0 if all
    inputs are what they were and the selection made again is equal to the byte, and with 1 if not; then it says which
    input has changed and how many rows stay. Runs no model and changes no file.

    \b
    Example:
      dataselect select pool.jsonl --strategy ppl-mid --budget 10% --scores scores --out chosen.jsonl
      dataselect verify-selection chosen.jsonl
    """
    from dataselect.selection.replay import verify_selection

    found = verify_selection(file)
    for line in _lines(found):
        options.emit(line)
    return int(not found.verified)


def _lines(found: Replay) -> Iterator[str]:
    if found.verified:
        yield f"{found.file} is verified: selected again, its {found.rows:,} rows are equal to the byte"
        return
    for name in found.changed:
        yield f"changed since: {name}"
    rows = f"{found.shared:,} of {found.rows:,} rows are chosen again, and {found.again - found.shared:,} others"
    where = "" if found.first_difference is None else f"; the first difference is at rank {found.first_difference:,}"
    same = "; the records or scores in it differ" if found.first_difference is None and not found.same_bytes else ""
    yield f"{found.file} is not what its manifest gives today: {rows}{where}{same}"
