"""Uncertainty over runs: a bootstrap over models and data sets, and Student's interval over independent units.

Two runs on the same data set share that data set, and two of the same model share that model and its baseline, so runs
are not independent, and resampling them one by one would give too narrow an interval. Here the models are drawn with
replacement and, independently, the data sets; a run is held as often as its model times its data set (the pigeonhole
bootstrap, Owen 2007, Annals of Applied Statistics 1:386). It is somewhat too wide rather than too narrow. With one
model only the data sets are drawn: then the interval is about other data sets under this model, and about nothing else.

For one model and 10 or 20 data sets drawn from a bivariate normal, percentile intervals of Pearson held the truth in 88
to 92 of 100 cases instead of 95, those of the rank coefficients in 94 to 98: read Pearson's as somewhat too narrow.

A mean is over units that are taken as independent and named wherever it is shown: usually models, since runs of one
model share too much to count as many. Where all units hold the same value, a variance of zero supports no interval: p
is that of the exact sign test.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dataselect.comparison.intervals import CONFIDENCE
from dataselect.run_analysis.run_table import Floats

MIN_UNITS = 5
"""Fewer data sets than this support no correlation at all."""

_ROUNDING = 1e-12
"""Spread below this share of the largest value is rounding."""


def drawn_counts(units: int, draws: int, rng: np.random.Generator) -> Floats:
    """Draw `units` with replacement: (draws, units) times that each is drawn; always 1 for a single unit."""
    return rng.multinomial(units, np.full(units, 1 / units), size=draws).astype(np.float64)


def crossed_counts(
    models: NDArray[np.int64], datasets: NDArray[np.int64], draws: int, rng: np.random.Generator
) -> Floats:
    """Draw models and data sets: (draws, n) times that each run is held.

    Args:
        models, datasets: (n,) numbers of the model and of the data set of each run.
    """
    held = np.ones((draws, len(models)))
    for units in (models, datasets):
        distinct, places = np.unique(units, return_inverse=True)
        held *= drawn_counts(len(distinct), draws, rng)[:, places]
    return held


@dataclass(frozen=True, slots=True)
class Mean:
    """A mean over `n` units; None where there is no unit, or too few or too equal ones for an interval."""

    n: int
    estimate: float | None
    ci_low: float | None
    ci_high: float | None
    p: float | None


def mean_over(units: Floats) -> Mean:
    """Average (n,) units; NaN is a unit without a value."""
    from scipy.stats import ttest_1samp

    known = units[np.isfinite(units)]
    n = len(known)
    if n == 0:
        return Mean(0, None, None, None, None)
    estimate = float(known.mean())
    if n == 1:
        return Mean(1, estimate, None, None, None)
    largest = float(np.abs(known).max())
    if largest == 0.0:
        return Mean(n, 0.0, 0.0, 0.0, 1.0)
    if float(np.ptp(known)) <= _ROUNDING * largest:
        return Mean(n, estimate, None, None, 2.0 ** (1 - n))
    found = ttest_1samp(known, 0.0)
    interval = found.confidence_interval(CONFIDENCE)
    return Mean(n, estimate, float(interval.low), float(interval.high), float(found.pvalue))
