"""Summary of a selection: the funnel of counts, what pool and selection consist of, and the lines that report it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dataselect.pool.sources import by_source
from dataselect.selection.exclusions import REASON_WORDS
from dataselect.selection.ranked_pool import Cut, RankedPool

LEVELS = (0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 1.0)


@dataclass(frozen=True, slots=True)
class SourceRows:
    """Rows of one source in the pool, and chosen ones among them."""

    pool: int
    chosen: int


@dataclass(frozen=True, slots=True)
class LengthQuantiles:
    """Quantiles of the length of responses; None where no row has a length.

    Attributes:
        unit: "response_tokens" or "response_bytes".
        levels: Which quantiles.
        pool: Of all rows of the pool that have a length.
        chosen: Of those that are chosen.
    """

    unit: str
    levels: tuple[float, ...]
    pool: tuple[float, ...] | None
    chosen: tuple[float, ...] | None


@dataclass(frozen=True, slots=True)
class SelectionComposition:
    """Sources and lengths of a pool and of what was chosen from it."""

    sources: Mapping[str, SourceRows]
    length: LengthQuantiles


def composition(ranked: RankedPool, chosen: NDArray[np.int64]) -> SelectionComposition:
    """Describe a pool and the rows `chosen` from it."""
    codes, names = ranked.sources.encoded()
    present, kept = (np.bincount(some, minlength=len(names)).tolist() for some in (codes, codes[chosen]))
    sources = {name: SourceRows(present[i], kept[i]) for i, name in enumerate(names)}
    lengths = LengthQuantiles(ranked.length_unit, LEVELS, _quantiles(ranked.length), _quantiles(ranked.length[chosen]))
    return SelectionComposition(sources, lengths)


def _quantiles(lengths: NDArray[np.float64]) -> tuple[float, ...] | None:
    known = lengths[np.isfinite(lengths)]
    return tuple(np.quantile(known, LEVELS).tolist()) if len(known) else None


@dataclass(frozen=True, slots=True)
class SelectionCounts:
    """The funnel: rows of the pool, minus those of each reason, are the kept rows.

    Attributes:
        pool_rows: Readable records.
        left_out: Reason -> rows, in the order of the steps (`exclusions`).
        kept: Rows that are chosen.
        kept_tokens: `total_tokens` of the kept rows; None where they are not all counted.
        ranked: Rows that a larger budget could choose among, kept ones included.
        rejects: Records that could not be read.
        scores_not_in_pool: Ids of the tables that the pool does not have.
        not_finite: Values of the tables that were NaN or infinite and count as missing.
        target_rejects: Records of the target set that could not be read.
        evaluation_rejects: Records of evaluation sets that could not be read.
        embedded_in_part: Rows that `--dedup semantic` keeps because the encoder read only their beginning.
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
    embedded_in_part: int = 0

    @classmethod
    def of(cls, ranked: RankedPool, cut: Cut, **read: int) -> SelectionCounts:
        """Count the rows of a ranked pool.

        Args:
            read: What was counted while reading, by field.
        """
        left_out = cut.exclusions.counts()
        return cls(len(ranked.ids), left_out, len(cut.rows), cut.tokens, len(ranked.order), **read)


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
        shared: Kept rows that are rows of the selection whose lengths they follow; None where none is followed.
        lost: Parts of the pool's files that could not be read at all.
        sources: Rows of each pool file, and how many of them are kept.
    """

    out: Path
    manifest: Path
    strategy: str
    budget: int
    unit: str
    counts: SelectionCounts
    short: bool
    ran_out: tuple[str, ...] = ()
    shared: int | None = None
    lost: tuple[str, ...] = ()
    sources: Mapping[str, SourceRows] = field(default_factory=dict)

    @property
    def overlap(self) -> float | None:
        """Share of the kept rows that are rows of the selection whose lengths they follow."""
        return None if self.shared is None or not self.counts.kept else self.shared / self.counts.kept

    @property
    def notes(self) -> tuple[str, ...]:
        """Facts that a user should know about the selection; empty if the budget was met and all inputs fitted."""
        return tuple(self._notes())

    @property
    def line(self) -> str:
        """The outcome in one line."""
        c = self.counts
        tokens = "" if c.kept_tokens is None else f", {c.kept_tokens:,} tokens"
        kept = f"kept {c.kept:,} of {c.pool_rows:,} examples ({self.strategy}{tokens}) in {self.out}"
        each = by_source({name: f"{one.chosen:,} of {one.pool:,}" for name, one in self.sources.items()})
        return "; ".join((kept, *([f"from {each}"] if each else ()), *self.notes))

    @property
    def funnel(self) -> str:
        """Rows in, minus each reason, rows out, one line each; empty where only the budget left any out."""
        c = self.counts
        if not set(c.left_out) - {"over_budget"}:
            return ""
        width = len(f"{c.pool_rows:,}")
        lines = [(" ", c.pool_rows, "rows in")]
        lines += [("-", rows, REASON_WORDS.get(reason, reason)) for reason, rows in c.left_out.items()]
        lines += [("=", c.kept, "rows out")]
        return "\n".join(f"  {sign} {f'{rows:,}':>{width}} {what}" for sign, rows, what in lines)

    def _notes(self) -> Iterator[str]:
        c = self.counts
        if self.short:
            yield f"fewer than the {self.budget:,} {self.unit} asked for: all {c.ranked:,} rankable rows are kept"
        for source in self.ran_out:
            yield f"{source} ran out before its quota, and the others filled it"
        if self.shared is not None:
            yield f"{self.shared:,} of {c.kept:,} rows are in the selection whose lengths they follow"
        if c.rejects:
            yield f"{_many(c.rejects, 'unreadable record')}"
        yield from self.lost
        if c.not_finite:
            yield f"{_many(c.not_finite, 'NaN or infinite score')} taken as missing"
        if c.scores_not_in_pool:
            yield f"{_many(c.scores_not_in_pool, 'scored id')} not in the pool"
        if c.target_rejects:
            yield f"{_many(c.target_rejects, 'unreadable record')} in the target set"
        if c.evaluation_rejects:
            yield f"{_many(c.evaluation_rejects, 'unreadable record')} in the evaluation sets"
        if c.embedded_in_part:
            rows = _many(c.embedded_in_part, "row")
            yield f"{rows} embedded only in part: --dedup semantic does not compare them (--dedup ngram reads all text)"


def _many(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
