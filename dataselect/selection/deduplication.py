"""De-duplication down a ranking: of rows that say the same, the one that ranks highest stays.

    exact      prompt and response are the same (`exact_duplicates`)
    ngram      they share most of their word 5-grams (`near_duplicates`)
    semantic   their embeddings are nearly the same (`semantic_duplicates`)

Each way goes down the ranking that the one before has left, and drops a row that repeats one that it has kept. Which
row of a group stays is thus the strategy's choice and does not depend on the order of the pool; and what stays above a
place does not depend on what is below it, so that budgets nest as before.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dataselect.selection.exact_duplicates import exact_duplicates
from dataselect.selection.fates import Fates
from dataselect.selection.filters import Filters
from dataselect.selection.near_duplicates import near_duplicates
from dataselect.selection.semantic_duplicates import semantic_duplicates
from dataselect.selection.vectors import Vectors
from dataselect.strategies import Text
from dataselect.strategies.strings import Strings

REASONS = {"exact": "duplicate", "ngram": "near_duplicate", "semantic": "semantic_duplicate"}


def deduplicated(
    filters: Filters,
    order: NDArray[np.int64],
    ids: Strings,
    texts: Sequence[Text],
    vectors: Vectors | None,
    fates: Fates,
) -> NDArray[np.int64]:
    """The ranking without the rows that repeat one before them; those leave with the id of the row that stays.

    Args:
        order: (n_ranked,) rows, best first.
        ids: (n_pool,) ids.
        texts: (n_pool,) what each row says, for the ways that compare texts.
        vectors: For the way that compares embeddings.
    """
    for method in filters.dedup:
        if method == "exact":
            shadows = exact_duplicates(texts, order)
        elif method == "ngram":
            shadows = near_duplicates(texts, order, filters.dedup_threshold)
        else:
            assert vectors is not None, "asked for in `Filters.vectors`"
            found = semantic_duplicates(vectors.matrix, vectors.rows_of(ids.take(order)), filters.dedup_cosine)
            shadows = {int(order[place]): int(order[kept]) for place, kept in found.items()}
        rows = np.array(list(shadows), np.int64)
        fates.leave(rows, REASONS[method], {row: ids[kept] for row, kept in shadows.items()})
        order = order[~np.isin(order, rows)]
    return order
