"""What a pool and a selection from it are made of: rows per source, and how long the responses are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dataselect.selection.ranked_pool import RankedPool

LEVELS = (0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 1.0)


@dataclass(frozen=True, slots=True)
class Amounts:
    """Rows of one source."""

    pool: int
    chosen: int


@dataclass(frozen=True, slots=True)
class Lengths:
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
class Composition:
    """Sources and lengths of a pool and of what was chosen from it."""

    sources: Mapping[str, Amounts]
    length: Lengths


def composition(ranked: RankedPool, chosen: NDArray[np.int64]) -> Composition:
    """Describe a pool and the rows `chosen` from it."""
    codes, names = ranked.sources.encoded()
    there, kept = (np.bincount(some, minlength=len(names)).tolist() for some in (codes, codes[chosen]))
    sources = {name: Amounts(there[i], kept[i]) for i, name in enumerate(names)}
    lengths = Lengths(ranked.length_unit, LEVELS, _quantiles(ranked.length), _quantiles(ranked.length[chosen]))
    return Composition(sources, lengths)


def _quantiles(lengths: NDArray[np.float64]) -> tuple[float, ...] | None:
    known = lengths[np.isfinite(lengths)]
    return tuple(np.quantile(known, LEVELS).tolist()) if len(known) else None
