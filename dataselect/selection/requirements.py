"""Check that what a strategy and a budget need was given, and name the command that makes what was not."""

from __future__ import annotations

from collections.abc import Sequence

from dataselect.errors import DataselectError
from dataselect.selection.matching import RESPONSE_TOKENS
from dataselect.selection.tables import ScoreTable
from dataselect.strategies import Needs

TOTAL_TOKENS = "total_tokens"
_SCORE = "dataselect score POOL --model M --out DIR, then --scores DIR"
_MAKERS = {
    "ifd": "dataselect score POOL --model M --ifd --out DIR, then --scores DIR",
    "ifd_loss": "dataselect score POOL --model M --ifd --out DIR, then --scores DIR",
    "similarity": "dataselect embed POOL --encoder E --target FILE --out DIR, then --embeddings DIR",
}


def wanted_columns(needs: Needs) -> tuple[str, ...]:
    """Columns to read where they are there: those needed, a length where one is asked for, and the tokens to count."""
    lengths = (RESPONSE_TOKENS,) if needs.length or needs.selection is not None else ()
    return (*needs.columns, *lengths, TOTAL_TOKENS)


def check_columns(needed: Sequence[str], who: str, tables: Sequence[ScoreTable]) -> None:
    """Refuse to go on without a needed column.

    Args:
        who: What needs it, for the message.

    Raises:
        DataselectError: For the first column that no table has; the hint is the command that makes it.
    """
    there = {name for table in tables for name in table.columns}
    for name in needed:
        if name not in there:
            raise DataselectError(f"{who} needs the column {name}", _MAKERS.get(name, _SCORE))
