"""An explanation as records, and the same as plain values for `explain.json`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from dataselect.analysis.excerpts import Excerpt
from dataselect.analysis.printable import printable_values
from dataselect.analysis.surprise import Surprise
from dataselect.explanation.standing import Standing

TOP = 5
"""How many of the most surprising tokens are told."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of the row.

    Attributes:
        kept: Whether it is chosen.
        reason: Empty for a chosen row, else why not, in the words of the ranking file.
        rank: In the final order, duplicates gone and quotas kept, from 1; None where it has none.
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
        text: The beginnings of prompt and response; None where the pool is not at hand.
    """

    id: str
    cosine: float | None
    rank: int | None
    reason: str
    text: Excerpt | None


@dataclass(frozen=True, slots=True)
class NearTarget:
    """A target that is near; its text is None where the target file is not at hand."""

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
        scored_by: The strategy that the score is by: the last one that ranked the row; empty where none did.
        numbers: Score and length first, then the columns of the score tables.
        length_unit: What `length` counts.
        sources: How many files the pool came from.
        embedded: What of each example was embedded, and by what; empty without embeddings.
        neighbours: Nearest first; empty without embeddings.
        targets: The same of the target set.
        other: The row that was in the way; None where there is none.
        text: The beginnings of prompt and response; None where the pool is not at hand.
        surprise: The tokens; None where no table keeps them.
        notes: What to know about these numbers, one line each.
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
    numbers: tuple[Standing, ...]
    length_unit: str
    sources: int
    embedded: str
    neighbours: tuple[Neighbour, ...]
    targets: tuple[NearTarget, ...]
    other: Neighbour | None
    text: Excerpt | None
    surprise: Surprise | None
    notes: tuple[str, ...]
    missing: tuple[str, ...]

    @property
    def document(self) -> dict[str, Any]:
        """All of it as plain values."""
        plain = asdict(self)
        plain["surprise"] = None if self.surprise is None else _surprise(self.surprise)
        document: dict[str, Any] = printable_values({"kind": "explain", **plain})
        return document


def _surprise(surprise: Surprise) -> Mapping[str, Any]:
    return {
        **asdict(surprise),
        "mean_nats": {part: surprise.mean(part) for part in ("prompt", "response", "end")},
        "most_surprising": surprise.top(TOP),
    }
