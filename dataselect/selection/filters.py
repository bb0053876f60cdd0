"""Filters on columns and texts: which rows are ranked at all, and why the others are not.

    --where EXPR                  rows for which the expression is not true are excluded
    --min-tokens, --max-tokens    bounds of the response in tokens, as the score table counts them
    --decontaminate FILE          rows that share text with an evaluation set are excluded (`contamination`)

They come before the ranking, so that a strategy that looks at the whole pool (a median, clusters, a cover) sees only
what may be chosen. De-duplication (`dedup`) comes after it: the ranking decides which row of a group stays.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from dataselect.arguments import checked
from dataselect.errors import UsageError
from dataselect.progress import counted
from dataselect.selection.contamination import EvaluationTexts, EvaluationWords, near_targets
from dataselect.selection.exclusions import Exclusions
from dataselect.selection.pool_index import PoolIndex
from dataselect.selection.score_tables import RESPONSE_TOKENS
from dataselect.selection.vectors import Vectors
from dataselect.selection.where import Where
from dataselect.strategies.strings import Strings

SOURCE = "source"
Dedup = Literal["exact", "ngram", "semantic"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """The filters of a request.

    Attributes:
        where: An expression over columns and `source`; empty for none.
        min_tokens: Least response tokens.
        max_tokens: Most response tokens.
        dedup: Methods of finding rows that say the same, in the order in which they are applied.
        dedup_threshold: Least Jaccard similarity of near-duplicates (`ngram`).
        dedup_cosine: Cosine over which embeddings are nearly the same (`semantic`).
        decontaminate: Files of evaluation sets.
        decontaminate_ngram: Consecutive words that a row may not share with them.
        decontaminate_cosine: Cosine that a row may not exceed to any embedded target; None for no such filter.
    """

    where: str = ""
    min_tokens: int | None = None
    max_tokens: int | None = None
    dedup: tuple[Dedup, ...] = ()
    dedup_threshold: float = 0.8
    dedup_cosine: float = 0.95
    decontaminate: tuple[str, ...] = ()
    decontaminate_ngram: int = 13
    decontaminate_cosine: float | None = None

    def __post_init__(self) -> None:
        checked(self)
        if self.where:
            Where(self.where)
        least, most = self.min_tokens or 0, self.max_tokens
        if least < 0 or (most is not None and most < max(1, least)):
            raise UsageError(
                f"--max-tokens must be at least 1 and not below --min-tokens, got {least:,} to {most}",
                "--min-tokens 20 --max-tokens 500",
            )
        for method in self.dedup:
            if self.dedup.count(method) > 1:
                raise UsageError(f"--dedup expects each of {', '.join(get_args(Dedup))} once, got {method!r} twice")
        if not 0.0 < self.dedup_threshold <= 1.0:
            raise UsageError(f"--dedup-threshold must be above 0 and at most 1, got {self.dedup_threshold}")
        for cosine in (self.dedup_cosine, self.decontaminate_cosine):
            if cosine is not None and not -1.0 <= cosine < 1.0:
                raise UsageError(
                    f"--dedup-cosine and --decontaminate-cosine must be at least -1 and below 1, got {cosine}"
                )
        if self.decontaminate_ngram < 1:
            raise UsageError(f"an n-gram has at least 1 word, got {self.decontaminate_ngram}")

    @property
    def columns(self) -> dict[str, tuple[str, ...]]:
        """Columns of score tables by the option that needs them."""
        needed: dict[str, tuple[str, ...]] = {}
        if self.where:
            needed["--where"] = tuple(name for name in Where(self.where).columns if name != SOURCE)
        bounds = {"--min-tokens": self.min_tokens, "--max-tokens": self.max_tokens}
        return needed | {option: (RESPONSE_TOKENS,) for option, bound in bounds.items() if bound is not None}

    @property
    def texts(self) -> str:
        """The option that needs the texts of the pool; empty if none does."""
        if self.decontaminate:
            return "--decontaminate"
        return next((f"--dedup {method}" for method in self.dedup if method != "semantic"), "")

    @property
    def vectors(self) -> str:
        """The option that needs the embeddings of the pool; empty if none does."""
        return "--dedup semantic" if "semantic" in self.dedup else self.targets

    @property
    def targets(self) -> str:
        """The option that needs embedded targets; empty if none does."""
        return "" if self.decontaminate_cosine is None else "--decontaminate-cosine"

    @property
    def described(self) -> dict[str, Any]:
        """The filters that were asked for, as the manifest records them; evaluation sets by name."""
        names = [Path(file).name for file in self.decontaminate]
        thresholds = {"exact": None, "ngram": self.dedup_threshold, "semantic": self.dedup_cosine}
        values = {
            "where": self.where or None,
            "min_tokens": self.min_tokens,
            "max_tokens": self.max_tokens,
            "dedup": {method: thresholds[method] for method in self.dedup} or None,
            "decontaminate": {"files": names, "ngram": self.decontaminate_ngram} if names else None,
            "decontaminate_cosine": self.decontaminate_cosine,
        }
        return {name: value for name, value in values.items() if value is not None}


def recorded_filters(described: Mapping[str, Any], evaluation: tuple[str, ...]) -> Filters:
    """Read the filters from a manifest, as `Filters.described` wrote them.

    Args:
        evaluation: Paths of the evaluation sets, which the description only names.
    """
    given = {
        name: described[name]
        for name in ("where", "min_tokens", "max_tokens", "decontaminate_cosine")
        if name in described
    }
    dedup = described.get("dedup") or {}
    thresholds = {"ngram": "dedup_threshold", "semantic": "dedup_cosine"}
    given |= {option: dedup[method] for method, option in thresholds.items() if method in dedup}
    if "decontaminate" in described:
        given |= {"decontaminate": evaluation, "decontaminate_ngram": described["decontaminate"]["ngram"]}
    return Filters(dedup=tuple(dedup), **given)


def apply_columns(
    filters: Filters,
    exclusions: Exclusions,
    sources: Strings,
    columns: Mapping[str, NDArray[np.float64]],
    texts: Mapping[str, NDArray[np.object_]],
) -> None:
    """Exclude rows by `--where`, `--min-tokens` and `--max-tokens`.

    Args:
        sources: (n_pool,) where each row came from.
        columns: name -> (n_pool,) float64, NaN where missing.
        texts: name -> (n_pool,) objects, None where missing.
    """
    if filters.where:
        where, rows = Where(filters.where), exclusions.remaining
        every: dict[str, NDArray[Any]] = {**columns, **texts}
        read = {name: every[name][rows] for name in where.columns if name != SOURCE}
        codes, names = sources.encoded()
        read[SOURCE] = np.array(names, object)[codes[rows]]
        exclusions.exclude(rows[~where.holds(read)], "where")
    if filters.min_tokens is not None:
        rows = exclusions.remaining
        exclusions.exclude(rows[~(columns[RESPONSE_TOKENS][rows] >= filters.min_tokens)], "min_tokens")
    if filters.max_tokens is not None:
        rows = exclusions.remaining
        exclusions.exclude(rows[~(columns[RESPONSE_TOKENS][rows] <= filters.max_tokens)], "max_tokens")


def apply_decontamination(
    filters: Filters,
    exclusions: Exclusions,
    pool: PoolIndex,
    ids: Strings,
    evaluation: EvaluationTexts | None,
    vectors: Vectors | None,
) -> None:
    """Exclude rows that share text with an evaluation set, or nearly equal one of its embedded items."""
    if filters.decontaminate:
        assert evaluation is not None, "asked for in `decontaminate`"
        known = EvaluationWords(evaluation.items, filters.decontaminate_ngram)
        left = exclusions.remaining.tolist()
        compared = counted(left, "compare with the evaluation sets", "rows", len(left))
        found = {row: known.overlap(pool.texts[row]) for row in compared}
        because = {row: str(overlap) for row, overlap in found.items() if overlap is not None}
        exclusions.exclude(np.array(list(because), np.int64), "contaminated", because)
    if filters.decontaminate_cosine is not None:
        assert vectors is not None, "asked for in `vectors`"
        rows = exclusions.remaining
        near = near_targets(vectors.of(ids.take(rows)), vectors.targets, filters.decontaminate_cosine)
        because = {int(rows[row]): _target(vectors, target, cosine) for row, (target, cosine) in near.items()}
        exclusions.exclude(np.array(list(because), np.int64), "contaminated", because)


def _target(vectors: Vectors, target: int, cosine: float) -> str:
    task = vectors.target_tasks[target]
    return f"{task} item {vectors.target_tasks[: target + 1].count(task)} at cosine {cosine:.3f}"
