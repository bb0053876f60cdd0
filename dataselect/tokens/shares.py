"""Shares and means over the tokens of many examples, with intervals over examples.

URIAL (2312.01552) sorts a position by the rank that the base gives the token that stands there:

    unshifted   rank 1        marginal   rank 2 or 3        shifted   rank above 3

A share is sum a_i / sum b_i over examples i, a_i of its b_i tokens being such ones. Tokens of one example go together,
so the interval is that of a ratio of sums over independent examples (linearisation; Cochran 1977, Sampling Techniques,
section 6.4):

    variance = n / (n - 1) * sum (a_i - R b_i)^2 / (sum b_i)^2,   R -+ t_(n-1) * sqrt(variance)

A mean over tokens is the same with a_i a sum. No interval for a single example, or where nothing varies.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

CATEGORIES = ("unshifted", "marginal", "shifted")
_CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Ratio:
    """A ratio of sums with its 95 % interval; all None without tokens."""

    value: float | None
    low: float | None
    high: float | None


def categories(ranks: NDArray[np.int32]) -> NDArray[np.int64]:
    """(n,) 0 unshifted, 1 marginal, 2 shifted, of (n,) ranks from 1."""
    return (ranks > 1).astype(np.int64) + (ranks > 3)


def ratio(values: NDArray[np.float64], weights: NDArray[np.float64], share: bool = True) -> Ratio:
    """The ratio of two sums over (n,) examples; those without weight are no part of it.

    Args:
        share: Whether it lies between 0 and 1, as its interval then does.
    """
    there = weights > 0
    values, weights = values[there], weights[there]
    n = len(values)
    if n == 0:
        return Ratio(None, None, None)
    total = float(weights.sum())
    estimate = float(values.sum()) / total
    spread = float(((values - estimate * weights) ** 2).sum())
    if n == 1 or spread <= 1e-18 * total:
        return Ratio(estimate, None, None)
    from scipy.special import stdtrit

    half = float(stdtrit(n - 1, (1 + _CONFIDENCE) / 2)) * float(np.sqrt(n / (n - 1) * spread)) / total
    low, high = estimate - half, estimate + half
    return Ratio(estimate, max(low, 0.0), min(high, 1.0)) if share else Ratio(estimate, low, high)
