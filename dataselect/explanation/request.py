"""The requests of `explain`, and the explanation of one row as records and as the plain values of `explain.json`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from dataselect.arguments import checked
from dataselect.comparison.excerpts import Excerpt, printable_values
from dataselect.comparison.token_nll import RowNll
from dataselect.errors import UsageError
from dataselect.explanation.numbers import Percentile

TOP = 5
"""Number of the least likely tokens that are listed."""


@dataclass(frozen=True, slots=True)
class ExplainRequest:
    """The row and its selection, and the paths of the inputs that are not where `select` found them.

    Attributes:
        selection: FILE.jsonl (or FILE.txt) of `dataselect select`; with its manifest and ranking in the same folder.
        id: Of any row of the pool, chosen or not.
        scores: Score tables; empty for those of the selection.
        embeddings: Folder of `embed`; None for that of the selection.
        pools: The pools of the selection; empty where they have not moved.
        targets: The files of the embedded target set; empty where they have not moved.
        k: How many neighbours and targets.

    Raises:
        UsageError: If `k` is below 1.
    """

    selection: Path
    id: str
    scores: tuple[Path, ...] = ()
    embeddings: Path | None = None
    pools: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    k: int = 5

    def __post_init__(self) -> None:
        checked(self)
        if self.k < 1:
            raise UsageError(f"k should be at least 1, got {self.k}")


@dataclass(frozen=True, slots=True)
class DroppedRequest:
    """The reason and the selection, and the paths of the inputs that are not where `select` found them.

    Attributes:
        selection: FILE.jsonl (or FILE.txt) of `dataselect select`; with its manifest and ranking in the same folder.
        reason: Why the rows were left out, in the words of the ranking file, or `unreadable`.
        limit: Most rows.
        scores: Score tables; empty for those of the selection.
        pools: The pools of the selection; empty where they have not moved.

    Raises:
        UsageError: If a field is not what it should be, or `limit` is below 1.
    """

    selection: Path
    reason: str
    limit: int = 20
    scores: tuple[Path, ...] = ()
    pools: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        checked(self)
        if self.limit < 1:
            raise UsageError(f"limit should be at least 1, got {self.limit}")


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of the selection for the row.

    Attributes:
        kept: Whether it is chosen.
        reason: Empty for a chosen row, else why not, in the words of the ranking file.
        rank: In the final order, after de-duplication and quotas, from 1; None where it has none.
        ranked: Rows that have a rank.
        kept_rows: Rows that are chosen.
        pool_rows: Rows of the pool.
        below_cut: Places below the last row that is kept; None for rows that are kept or have no rank.
        because: The other row, or the text, for which it left; None for other reasons.
        sentences: All of that in words.
    """

    kept: bool
    reason: str
    rank: int | None
    ranked: int
    kept_rows: int
    pool_rows: int
    below_cut: int | None
    because: str | None
    sentences: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A row of the pool that is near.

    Attributes:
        cosine: None without embeddings.
        rank: In the final order; None where it has none.
        reason: Empty for a chosen row, else why it is not.
        text: The beginnings of prompt and response; None where the pool is not available.
    """

    id: str
    cosine: float | None
    rank: int | None
    reason: str
    text: Excerpt | None


@dataclass(frozen=True, slots=True)
class NearTarget:
    """A target that is near; its text is None where the target file is not available."""

    task: str
    id: str
    cosine: float
    text: Excerpt | None


@dataclass(frozen=True, slots=True)
class Explanation:
    """All that is known about one row of a selection.

    Attributes:
        selection: The selection's file.
        strategy: What ranked, all stages together.
        rule: What the strategies do, one line each.
        scored_by: The strategy that gave the score: the last one that ranked the row; empty where none did.
        numbers: Score and length first, then the columns of the score tables.
        length_unit: What `length` counts.
        sources: How many files the pool came from.
        embedded: What of each example was embedded, and by what; empty without embeddings.
        neighbours: Nearest first; empty without embeddings.
        targets: The same of the target set.
        other: The blocking row; None where there is none.
        text: The beginnings of prompt and response; None where the pool is not available.
        surprise: The tokens with their NLL; None where no table keeps them.
        notes: Warnings about these numbers, one line each.
        missing: What is not here, with the command that makes it, one line each.
    """

    id: str
    source: str
    line: int | None
    selection: str
    strategy: str
    rule: tuple[str, ...]
    outcome: Outcome
    scored_by: str
    numbers: tuple[Percentile, ...]
    length_unit: str
    sources: int
    embedded: str
    neighbours: tuple[Neighbour, ...]
    targets: tuple[NearTarget, ...]
    other: Neighbour | None
    text: Excerpt | None
    surprise: RowNll | None
    notes: tuple[str, ...]
    missing: tuple[str, ...]

    @property
    def document(self) -> dict[str, Any]:
        """All of it as plain values."""
        plain = asdict(self)
        plain["surprise"] = None if self.surprise is None else _token_nll(self.surprise)
        document: dict[str, Any] = printable_values({"kind": "explain", **plain})
        return document


def _token_nll(row: RowNll) -> Mapping[str, Any]:
    return {
        **asdict(row),
        "mean_nats": {part: row.mean(part) for part in ("prompt", "response", "end")},
        "most_surprising": row.top(TOP),
    }
