"""Pearson's and Spearman's correlation, each with a 95 % interval by Fisher's z.

    z = atanh(r),  interval tanh(z -+ 1.96 * se)
    Pearson   se = 1 / sqrt(n - 3)                     (Fisher 1921)
    Spearman  se = sqrt((1 + r^2 / 2) / (n - 3))       (Bonett and Wright 2000, Psychometrika 65:23)

Both are given because they answer different questions: Pearson how straight the line is, Spearman how alike the
orders are, which is what a ranking uses. The intervals assume independent pairs; near duplicates in a pool make them
too narrow.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_Z975 = 1.959963984540054


@dataclass(frozen=True, slots=True)
class Correlation:
    """One coefficient over `n` pairs; None where it is not defined (a constant, or fewer than four pairs)."""

    name: str
    of: str
    n: int
    estimate: float | None
    ci_low: float | None
    ci_high: float | None
    interval: str


def pearson(x: NDArray[np.float64], y: NDArray[np.float64], of: str) -> Correlation:
    """Pearson's r of two (n,) arrays; `of` says of what."""
    return _with_interval("Pearson", of, x, y, spearman_widening=0.0)


def spearman(x: NDArray[np.float64], y: NDArray[np.float64], of: str) -> Correlation:
    """Spearman's rho of two (n,) arrays: Pearson's r of their mean ranks; `of` says of what."""
    from scipy.stats import rankdata

    return _with_interval("Spearman", of, rankdata(x), rankdata(y), spearman_widening=0.5)


def _with_interval(
    name: str, of: str, x: NDArray[np.float64], y: NDArray[np.float64], spearman_widening: float
) -> Correlation:
    n = len(x)
    how = "Fisher z, Bonett-Wright" if spearman_widening else "Fisher z"
    if n < 4 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return Correlation(name, of, n, None, None, None, how)
    r = float(np.clip(np.corrcoef(x, y)[0, 1], -1.0, 1.0))
    if abs(r) == 1.0:
        return Correlation(name, of, n, r, r, r, how)
    half = _Z975 * math.sqrt((1 + spearman_widening * r * r) / (n - 3))
    z = math.atanh(r)
    return Correlation(name, of, n, r, math.tanh(z - half), math.tanh(z + half), how)
