"""From what was read and joined to what a strategy is given: the rows that may be ranked, and all that it asked for."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dataselect.selection.given import Given
from dataselect.selection.join import JoinedScores
from dataselect.selection.matching import RESPONSE_TOKENS, matched_lengths
from dataselect.selection.survey import Survey
from dataselect.strategies import LENGTH, Candidates, Needs
from dataselect.strategies.strings import Strings


def length_unit(joined: JoinedScores) -> str:
    """How responses are measured: in tokens where a score table counts them, else in bytes as counted in the pool."""
    return RESPONSE_TOKENS if RESPONSE_TOKENS in joined.columns else "response_bytes"


def ranked_by(needs: Needs, joined: JoinedScores) -> tuple[str, ...]:
    """The columns behind the ranking; `response_bytes` is counted in the pool, the rest is of score tables."""
    return (*needs.columns, length_unit(joined)) if needs.length else needs.columns


def candidates_of(
    needs: Needs, pool: Survey, joined: JoinedScores, given: Given, rows: NDArray[np.int64], limit: int | None
) -> Candidates:
    """The candidates, with what is needed and nothing else.

    Args:
        rows: (n,) ascending rows of the pool.
        limit: Most places that will be read.

    Raises:
        ArtifactError: If the matched selection or the vectors do not fit the pool.
    """
    ids = Strings(pool.ids).take(rows)
    columns = {name: joined.columns[name][rows] for name in needs.columns}
    if needs.length:
        columns[LENGTH] = joined.columns.get(length_unit(joined), pool.response_bytes)[rows]
    vectors, targets = given.vectors, given.targets
    return Candidates(
        ids,
        columns,
        np.zeros(0) if needs.selection is None else matched_lengths(needs.selection, given.tables),
        vectors=vectors.of(ids) if vectors is not None and needs.vectors else None,
        target_vectors=vectors.targets if vectors is not None and needs.targets else np.zeros((0, 0), np.float32),
        target_tasks=vectors.target_tasks if vectors is not None and needs.targets else (),
        texts=[pool.texts[row] for row in rows] if needs.texts else (),
        target_texts=targets.texts if targets is not None and needs.target_texts else (),
        target_text_tasks=targets.tasks if targets is not None and needs.target_texts else (),
        sources=[pool.sources[row] for row in rows] if needs.sources else (),
        limit=limit,
    )
