"""Leave out the rows that the filters of a request leave out, each with its reason."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dataselect.selection.contamination import EvaluationWords, near_targets
from dataselect.selection.evaluation_texts import EvaluationTexts
from dataselect.selection.fates import Fates
from dataselect.selection.filters import SOURCE, Filters
from dataselect.selection.matching import RESPONSE_TOKENS
from dataselect.selection.survey import Survey
from dataselect.selection.vectors import Vectors
from dataselect.selection.where import Where
from dataselect.strategies.strings import Strings


def apply_columns(filters: Filters, fates: Fates, sources: Strings, columns: Mapping[str, NDArray[np.float64]]) -> None:
    """Leave out what `--where`, `--min-tokens` and `--max-tokens` leave out.

    Args:
        sources: (n_pool,) where each row came from.
        columns: name -> (n_pool,) float64, NaN where missing.
    """
    if filters.where:
        where, rows = Where(filters.where), fates.still_in
        given: dict[str, NDArray[Any]] = {name: columns[name][rows] for name in where.columns if name != SOURCE}
        codes, names = sources.encoded()
        given[SOURCE] = np.array(names, object)[codes[rows]]
        fates.leave(rows[~where.holds(given)], "where")
    if filters.min_tokens is not None:
        rows = fates.still_in
        fates.leave(rows[~(columns[RESPONSE_TOKENS][rows] >= filters.min_tokens)], "min_tokens")
    if filters.max_tokens is not None:
        rows = fates.still_in
        fates.leave(rows[~(columns[RESPONSE_TOKENS][rows] <= filters.max_tokens)], "max_tokens")


def apply_decontamination(
    filters: Filters,
    fates: Fates,
    pool: Survey,
    ids: Strings,
    evaluation: EvaluationTexts | None,
    vectors: Vectors | None,
) -> None:
    """Leave out what shares text with an evaluation set, or nearly is one of its embedded items."""
    if filters.decontaminate:
        assert evaluation is not None, "asked for in `decontaminate`"
        known = EvaluationWords(evaluation.items, filters.decontaminate_ngram)
        found = {row: known.overlap(pool.texts[row]) for row in fates.still_in.tolist()}
        because = {row: str(overlap) for row, overlap in found.items() if overlap is not None}
        fates.leave(np.array(list(because), np.int64), "contaminated", because)
    if filters.decontaminate_cosine is not None:
        assert vectors is not None, "asked for in `vectors`"
        rows = fates.still_in
        near = near_targets(vectors.of(ids.take(rows)), vectors.targets, filters.decontaminate_cosine)
        because = {int(rows[row]): _target(vectors, target, cosine) for row, (target, cosine) in near.items()}
        fates.leave(np.array(list(because), np.int64), "contaminated", because)


def _target(vectors: Vectors, target: int, cosine: float) -> str:
    task = vectors.target_tasks[target]
    return f"{task} item {vectors.target_tasks[: target + 1].count(task)} at cosine {cosine:.3f}"
