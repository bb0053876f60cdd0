"""The funnel of counts from the pool to the kept rows, and the lines that say it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from dataselect.selection.fates import WORDS
from dataselect.selection.ranked_pool import Cut, RankedPool


@dataclass(frozen=True, slots=True)
class ReadCounts:
    """What was met while reading; the fields are those of `Counts`."""

    rejects: int = 0
    scores_not_in_pool: int = 0
    not_finite: int = 0
    target_rejects: int = 0
    evaluation_rejects: int = 0


@dataclass(frozen=True, slots=True)
class Counts:
    """The funnel: rows of the pool, minus those of each reason, are the kept rows.

    Attributes:
        pool_rows: Readable records.
        left_out: Reason -> rows, in the order of the steps (`fates`).
        kept: Rows that are chosen.
        kept_tokens: `total_tokens` of the kept rows; None where they are not all counted.
        ranked: Rows that a larger budget could choose among, kept ones included.
        rejects: Records that could not be read.
        scores_not_in_pool: Ids of the tables that the pool does not have.
        not_finite: Values of the tables that were NaN or infinite and count as missing.
        target_rejects: Records of the target set that could not be read.
        evaluation_rejects: Records of evaluation sets that could not be read.
    """

    pool_rows: int
    left_out: Mapping[str, int]
    kept: int
    kept_tokens: int | None
    ranked: int
    rejects: int = 0
    scores_not_in_pool: int = 0
    not_finite: int = 0
    target_rejects: int = 0
    evaluation_rejects: int = 0

    @classmethod
    def of(cls, ranked: RankedPool, cut: Cut, read: ReadCounts) -> Counts:
        """Count what became of a pool."""
        return cls(len(ranked.ids), cut.fates.counts(), len(cut.rows), cut.tokens, len(ranked.order), **asdict(read))


@dataclass(frozen=True, slots=True)
class SelectionSummary:
    """A finished selection.

    Attributes:
        manifest: The file beside `out`.
        strategy: What ranked, all stages together.
        budget: The resolved number of examples or tokens.
        unit: "examples" or "tokens".
        short: Whether the ranked rows ran out before the budget.
        ran_out: Sources that could not fill their quota.
    """

    out: Path
    manifest: Path
    strategy: str
    budget: int
    unit: str
    counts: Counts
    short: bool
    ran_out: tuple[str, ...] = ()

    @property
    def notes(self) -> tuple[str, ...]:
        """What should be known about the selection; empty if the budget was met and all that was given fitted."""
        return tuple(self._notes())

    @property
    def line(self) -> str:
        """The outcome in one line."""
        c = self.counts
        tokens = "" if c.kept_tokens is None else f", {c.kept_tokens:,} tokens"
        kept = f"kept {c.kept:,} of {c.pool_rows:,} examples ({self.strategy}{tokens}) in {self.out}"
        return "; ".join((kept, *self.notes))

    @property
    def funnel(self) -> str:
        """Rows in, minus each reason, rows out, one line each; empty where only the budget left any out."""
        c = self.counts
        if not set(c.left_out) - {"over_budget"}:
            return ""
        width = len(f"{c.pool_rows:,}")
        lines = [(" ", c.pool_rows, "rows in")]
        lines += [("-", rows, WORDS.get(reason, reason)) for reason, rows in c.left_out.items()]
        lines += [("=", c.kept, "rows out")]
        return "\n".join(f"  {sign} {f'{rows:,}':>{width}} {what}" for sign, rows, what in lines)

    def _notes(self) -> Iterator[str]:
        c = self.counts
        if self.short:
            yield f"fewer than the {self.budget:,} {self.unit} asked for: all {c.ranked:,} rankable rows are kept"
        for source in self.ran_out:
            yield f"{source} ran out before its quota, and the others filled it"
        if c.rejects:
            yield f"{_many(c.rejects, 'unreadable record')}"
        if c.not_finite:
            yield f"{_many(c.not_finite, 'NaN or infinite score')} taken as missing"
        if c.scores_not_in_pool:
            yield f"{_many(c.scores_not_in_pool, 'scored id')} not in the pool"
        if c.target_rejects:
            yield f"{_many(c.target_rejects, 'unreadable record')} in the target set"
        if c.evaluation_rejects:
            yield f"{_many(c.evaluation_rejects, 'unreadable record')} in the evaluation sets"


def _many(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
