"""Resampling of a paired difference: a bootstrap interval, a permutation p, and the size of the effect.

The bootstrap draws items, the same for both arms, and within each arm its seeds; the interval is the 2.5 and 97.5
percentiles of the differences of the drawn means (Efron & Tibshirani 1993, chapters 8 and 13). The permutation test
changes the signs of the differences per item: were strategy and control the same, each item could as well have been the
other way round (Fisher 1935). All sign patterns are tried where there are no more than `DRAWS` of them, else that many
are drawn.

They are reported with Student's interval (`intervals`) and do not decide a verdict. The bootstrap draws two or three
seeds from two or three, and so makes the seeds' noise too small: where seeds are most of the noise, its 95 % intervals
held the truth in 60 to 87 of 100 simulated comparisons (`benchmarks/LOG.md`). The permutation test is about the items
alone: it takes the trained models as they are, and says nothing about other seeds.

The draws depend on nothing but the counts of items and seeds, so a comparison is the same bytes each time, and
strategies of one table meet the same draws.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

DRAWS = 2000
_TIE = 1e-12
"""Sums that differ by less than this share are the same sum in another order."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Resampled:
    """Resampling results of a difference, strategy minus control.

    Attributes:
        low, high: 95 % percentile bootstrap interval in units of the metric.
        p: Two-sided, of the permutation test; never 0, since the difference that was found is one of the patterns.
        effect: Mean difference of an item over the standard deviation of these (Cohen's d_z); None without spread.
    """

    low: float
    high: float
    p: float
    effect: float | None


def resampled(strategy: Floats, control: Floats) -> Resampled:
    """Resample a difference of two arms.

    Args:
        strategy: (S, n_items) outcomes, one row per seed.
        control: (R, n_items) outcomes of the same items in the same order; at least two items.
    """
    per_item = strategy.mean(axis=0) - control.mean(axis=0)
    scale = _TIE * max(float(np.abs(strategy).max()), float(np.abs(control).max()))
    per_item[np.abs(per_item) <= scale] = 0.0
    low, high = np.percentile(_means(strategy, 1) - _means(control, 2), [2.5, 97.5])
    spread = 0.0 if np.ptp(per_item) <= scale else float(per_item.std(ddof=1))
    return Resampled(float(low), float(high), _sign_p(per_item), float(per_item.mean()) / spread if spread else None)


def _means(arm: Floats, stream: int) -> Floats:
    """(DRAWS,) means over drawn items and seeds."""
    seeds, n = arm.shape
    centre = float(arm.mean())
    of_seeds = centre + (arm - centre).astype(np.float32) @ _item_counts(n).T / n
    weights = np.random.default_rng([stream, seeds]).multinomial(seeds, np.full(seeds, 1 / seeds), DRAWS) / seeds
    means: Floats = (of_seeds.T * weights).sum(axis=1)
    return means


@lru_cache(maxsize=2)
def _item_counts(n: int) -> NDArray[np.float32]:
    """(DRAWS, n) how often each item is drawn."""
    draws = np.random.default_rng([0, n]).integers(0, n, (DRAWS, n), dtype=np.int32)
    counts = np.zeros((DRAWS, n), np.float32)
    for row, drawn in zip(counts, draws, strict=True):
        row += np.bincount(drawn, minlength=n)
    return counts


def _sign_p(per_item: Floats) -> float:
    n = len(per_item)
    found = abs(float(per_item.sum()))
    exact = 2**n <= DRAWS
    signs = _all_signs(n) if exact else _drawn_signs(n)
    sums = np.abs(signs @ per_item.astype(signs.dtype))
    reached = int((sums >= found * (1 - _TIE)).sum())
    return reached / len(signs) if exact else (reached + 1) / (len(signs) + 1)


def _all_signs(n: int) -> Floats:
    """(2^n, n) every pattern of 1 and -1."""
    bits = np.arange(2**n)[:, None] >> np.arange(n) & 1
    signs: Floats = (1 - 2 * bits).astype(np.float64)
    return signs


@lru_cache(maxsize=2)
def _drawn_signs(n: int) -> NDArray[np.float32]:
    """(DRAWS, n) of 1 and -1."""
    bits = np.random.default_rng([3, n]).integers(0, 2, (DRAWS, n), dtype=np.int8)
    signs: NDArray[np.float32] = (1 - 2 * bits).astype(np.float32)
    return signs
