"""The arithmetic of `planted_defects.py`: how well an order tells clean rows from defective ones.

*Place*: 1 for the best row; rows that a strategy does not rank share the place behind all others, infinity.
*AUC*: the share of pairs of a clean and a defective row in which the clean one has the better place, ties counting one
half. 1: every defect behind every clean row; 1/2: no better than chance; 0: every defect in front.
*Within deciles*: pairs are counted only inside a decile of response length, and those of all deciles are put together,
so that each decile weighs by its pairs. What is left is hardly the work of length.
*Recall at a budget of b %*: the share of the defects that are not among the best floor(b n / 100) rows. A row that is
not ranked is never kept. Chance gives 1 - b / 100.
*Intervals*: the mean over seeds and Student's t over them, 95 %.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Pairs:
    """Pairs of a clean and a defective row.

    Attributes:
        number: How many.
        right: In how many the clean row has the better place, ties counted one half.
    """

    number: int
    right: float

    @property
    def auc(self) -> float | None:
        """None without a pair."""
        return self.right / self.number if self.number else None


def compare(clean: Floats, defective: Floats) -> Pairs:
    """Count pairs by places, in O(n log n)."""
    ascending = np.sort(defective)
    behind = len(defective) - np.searchsorted(ascending, clean, side="right")
    tied = len(defective) - np.searchsorted(ascending, clean, side="left") - behind
    return Pairs(len(clean) * len(defective), float(behind.sum() + tied.sum() / 2))


def auc(clean: Floats, defective: Floats) -> float | None:
    """Probability that a clean row stands before a defective one; None without a pair."""
    return compare(clean, defective).auc


def auc_within(
    clean: Floats, clean_bins: NDArray[np.int64], defective: Floats, bins: NDArray[np.int64]
) -> float | None:
    """The same over pairs of rows that share a bin; None without such a pair."""
    each = [compare(clean[clean_bins == bin_], defective[bins == bin_]) for bin_ in np.unique(bins)]
    return Pairs(sum(one.number for one in each), sum(one.right for one in each)).auc


def recall(defective: Floats, rows: int, percent: int) -> float:
    """Share of defects left out when `percent` % of `rows` is kept, by their places."""
    return float((defective > rows * percent // 100).mean())


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean over seeds, and half of its 95 % interval; None of a single seed."""

    mean: float
    half: float | None


def over_seeds(values: Sequence[float]) -> Interval:
    """Mean and Student's t interval."""
    from scipy import stats

    mean, number = float(np.mean(values)), len(values)
    if number < 2:
        return Interval(mean, None)
    error = float(np.std(values, ddof=1)) / number**0.5
    return Interval(mean, float(stats.t.ppf(0.975, number - 1)) * error)
