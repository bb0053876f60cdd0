"""Check that what a strategy and a budget need was given, and name the command that makes what was not."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from dataselect.errors import DataselectError, UsageError
from dataselect.selection.matching import RESPONSE_TOKENS
from dataselect.selection.tables import ScoreTable
from dataselect.strategies import Needs

TOTAL_TOKENS = "total_tokens"
_SCORE = "dataselect score POOL --model M --out DIR, then --scores DIR"
_IFD = "dataselect score POOL --model M --ifd --out DIR, then --scores DIR"
_RATING = "dataselect score POOL --model M --rating complexity --rating quality --out DIR, then --scores DIR"
_CONTRAST = "dataselect score POOL --model M --model NAME=REFERENCE --out DIR, then --scores DIR"
_VECTORS = "dataselect embed POOL --encoder E --out DIR, then --embeddings DIR"
_TARGETS = "dataselect embed POOL --encoder E --target FILE --out DIR, then --embeddings DIR"
_SCORED = (
    "ppl", "sequence_ppl", "bits_per_byte", "mink_20", "shifted_fraction", "response_nll", RESPONSE_TOKENS,
    TOTAL_TOKENS,
)  # fmt: skip
_MAKERS = {
    **dict.fromkeys(_SCORED, _SCORE),
    "ifd": _IFD,
    "ifd_loss": _IFD,
    **dict.fromkeys(("complexity", "quality", "complexity_quality"), _RATING),
    "excess_loss": _CONTRAST,
    "aligned_likelihood": _CONTRAST,
    "similarity": _TARGETS,
    "centroid_similarity": _TARGETS,
}


def wanted_columns(needs: Needs) -> tuple[str, ...]:
    """Columns to read where they are there: those needed, the length of responses, and the tokens to count."""
    return (*needs.columns, RESPONSE_TOKENS, TOTAL_TOKENS)


def check_given(needs: Needs, who: str, embeddings: Path | None, targets: Sequence[str]) -> None:
    """Refuse to go on without embeddings or target texts that are needed, or with target texts that are not.

    Args:
        who: What needs them, for the message.

    Raises:
        DataselectError: If something is missing; the hint is the command that makes it.
        UsageError: If targets are given that nothing reads.
    """
    if (needs.vectors or needs.targets) and embeddings is None:
        what = "the embeddings of a target set" if needs.targets else "embeddings"
        raise DataselectError(f"{who} needs {what}", _TARGETS if needs.targets else _VECTORS)
    if needs.target_texts and not targets:
        raise DataselectError(f"{who} needs a target set", "give --target FILE: examples of what to become good at")
    if targets and not needs.target_texts:
        raise UsageError(f"{who} reads no --target", "leave it out; for embeddings, give it to `dataselect embed`")


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
            raise DataselectError(f"{who} needs the column {name}", _maker(name))


def _maker(column: str) -> str:
    """The command that makes a column; of an excess loss against a named reference the part before the dot counts."""
    other = "give --scores DIR or FILE that has it; those of `dataselect score` are listed by `dataselect ls scorers`"
    return _MAKERS.get(column, _MAKERS.get(column.partition(".")[0], other))
