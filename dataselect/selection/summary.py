"""The request of a selecting run, the funnel of counts from the pool to the kept rows, and the line that says it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dataselect.pool.columns import ColumnMap


@dataclass(frozen=True, slots=True)
class SelectRequest:
    """What to select, from what, into what.

    Attributes:
        pools: Pool files or folders, as `PoolReader` takes them.
        strategy: Name of a strategy.
        budget: `N`, `P%` or `Ntok`.
        out: The `.jsonl` file to write.
        params: The strategy's options, as text or typed values.
        scores: Score tables: folders of `score`, or `.parquet` files.
        embeddings: Folder of `embed --target`; its similarities are joined like a score table.
        columns: Column map of the pools.
        prefix_ids: Whether ids carry the name of their file, as in the run that scored them.
    """

    pools: tuple[str, ...]
    strategy: str
    budget: str
    out: Path
    params: Mapping[str, Any] = field(default_factory=dict)
    scores: tuple[Path, ...] = ()
    embeddings: Path | None = None
    seed: int = 0
    columns: ColumnMap = field(default_factory=ColumnMap)
    prefix_ids: bool = False

    @property
    def tables(self) -> tuple[Path, ...]:
        """All score tables, the one of the embeddings last."""
        return self.scores if self.embeddings is None else (*self.scores, self.embeddings)


@dataclass(frozen=True, slots=True)
class Counts:
    """The funnel: pool rows are without scores, unscorable or candidates; those have no value, are dropped or ranked.

    Attributes:
        pool_rows: Readable records.
        rejects: Records that could not be read.
        without_scores: Pool rows that a given table does not have.
        unscorable: status -> pool rows left out for it.
        scores_not_in_pool: Ids of the tables that the pool does not have.
        not_finite: Values of the tables that were NaN or infinite and count as missing.
        candidates: Rows that the strategy was given.
        null_score: Candidates without a value in a column that the strategy ranks by.
        dropped_by_rule: Candidates that the strategy's rule leaves out.
        kept_tokens: `total_tokens` of the kept rows; None where no score table gives them.
    """

    pool_rows: int
    rejects: int
    without_scores: int
    unscorable: Mapping[str, int]
    scores_not_in_pool: int
    not_finite: int
    candidates: int
    null_score: int
    dropped_by_rule: int
    ranked: int
    kept: int
    kept_tokens: int | None


@dataclass(frozen=True, slots=True)
class SelectionSummary:
    """A finished selection.

    Attributes:
        manifest: The file beside `out`.
        budget: The resolved number of examples or tokens.
        unit: "examples" or "tokens".
        short: Whether the ranked rows ran out before the budget.
    """

    out: Path
    manifest: Path
    strategy: str
    budget: int
    unit: str
    counts: Counts
    short: bool

    @property
    def notes(self) -> tuple[str, ...]:
        """What did not go into the selection and why; empty if everything was rankable and the budget was met."""
        return tuple(self._notes())

    @property
    def line(self) -> str:
        """The outcome in one line."""
        c = self.counts
        tokens = "" if c.kept_tokens is None else f", {c.kept_tokens:,} tokens"
        kept = f"kept {c.kept:,} of {c.pool_rows:,} examples ({self.strategy}{tokens}) in {self.out}"
        return "; ".join((kept, *self.notes))

    def _notes(self) -> Iterator[str]:
        c = self.counts
        if self.short:
            yield f"fewer than the {self.budget:,} {self.unit} asked for: all {c.ranked:,} rankable rows are kept"
        if c.rejects:
            yield f"{_many(c.rejects, 'unreadable record')}"
        if c.without_scores:
            yield f"{_many(c.without_scores, 'row')} without scores"
        for status, rows in c.unscorable.items():
            yield f"{_many(rows, 'row')} {status}"
        if c.null_score:
            yield f"{_many(c.null_score, 'row')} with no value to rank by"
        if c.not_finite:
            yield f"{_many(c.not_finite, 'NaN or infinite score')} taken as missing"
        if c.dropped_by_rule:
            yield f"{_many(c.dropped_by_rule, 'row')} dropped by the rule of {self.strategy}"
        if c.scores_not_in_pool:
            yield f"{_many(c.scores_not_in_pool, 'scored id')} not in the pool"


def _many(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
