"""Percentile intervals of a bootstrap, and an independent random generator for every named number.

The interval is the range from the 2.5 to the 97.5 % quantile of the draws (Efron 1979, Annals of Statistics 7:1). A
draw may be undefined, as a correlation is where one side is constant; where more than one in twenty is, there is no
interval. A generator is seeded with the seed of the run and the name of the number, so that no number depends on what
else is computed.

Left out: what is drawn, examples or models and data sets, which the packages that rank pools and analyse runs decide.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dataselect.comparison.intervals import CONFIDENCE

MOST_UNDEFINED = 0.05


@dataclass(frozen=True, slots=True)
class Interval:
    """The central 95 % of the draws."""

    low: float
    high: float


def named_generator(seed: int, *name: str) -> np.random.Generator:
    """Return the generator of a named number."""
    digest = hashlib.sha256("\0".join(name).encode("utf-8", "surrogatepass")).digest()
    return np.random.default_rng([seed, int.from_bytes(digest[:8], "little")])


def percentile_interval(draws: NDArray[np.float64]) -> Interval | None:
    """Return the interval of (n_draws,) draws; None without draws, or where too many are undefined."""
    known = draws[np.isfinite(draws)]
    if len(known) < (1 - MOST_UNDEFINED) * len(draws) or not len(known):
        return None
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(known, [tail, 1 - tail])
    return Interval(float(low), float(high))
