"""Where a number stands among others: its percentile in the pool and in its source.

The percentile of a value is 100 (b + e / 2) / n, with b of the n known values below it and e equal to it, itself
included (the percentile rank of test scores): 50 for the median, and for a value that all rows share. It says how large
a number is, not how good: which end a strategy wants is the strategy's business.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Standing:
    """One number of a row among those of the others.

    Attributes:
        name: Of the column; `score` for what the strategy ranked by, `length` for that of the response.
        value: None where the row has none.
        percentile: In the pool, from 0 to 100; None without a value.
        of: Rows of the pool that have a value.
        source_percentile: The same in the file that the row came from.
        source_of: Rows of that file that have a value.
    """

    name: str
    value: float | None
    percentile: float | None
    of: int
    source_percentile: float | None
    source_of: int


def standing(name: str, values: NDArray[np.float64], row: int, same_source: NDArray[np.bool_]) -> Standing:
    """The standing of one row.

    Args:
        values: (n_pool,) NaN where unknown.
        same_source: (n_pool,) bool.
    """
    value = float(values[row])
    known, here = values[np.isfinite(values)], values[same_source & np.isfinite(values)]
    if np.isnan(value):
        return Standing(name, None, None, len(known), None, len(here))
    return Standing(name, value, _percentile(value, known), len(known), _percentile(value, here), len(here))


def _percentile(value: float, among: NDArray[np.float64]) -> float:
    below, equal = int((among < value).sum()), int((among == value).sum())
    return 100 * (below + equal / 2) / len(among)
