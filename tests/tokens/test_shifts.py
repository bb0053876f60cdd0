"""Categories, bins and intervals: by hand, and the interval's coverage by simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest

from dataselect.tokens.shifts import BINS, bin_of, categories, ratio


def test_categories_are_those_of_urial():
    assert categories(np.array([1, 2, 3, 4, 500], np.int32)).tolist() == [0, 1, 1, 2, 2]


def test_bins_double_in_width():
    # positions 1 | 2 | 3 4 | 5 ... 8 | 9
    assert bin_of(9).tolist() == [0, 1, 2, 2, 3, 3, 3, 3, 4]
    assert bin_of(0).tolist() == []
    assert bin_of(2**BINS)[-1] == BINS - 1


def test_a_ratio_by_hand():
    # a = (1, 3), b = (2, 4): R = 4/6; residuals 1 - 4/3 = -1/3 and 3 - 8/3 = 1/3; n = 2, t_1 = 12.706
    found = ratio(np.array([1.0, 3.0]), np.array([2.0, 4.0]), share=False)
    error = math.sqrt(2 / 1 * (2 / 9)) / 6
    assert found.value == pytest.approx(2 / 3)
    assert (found.low, found.high) == (
        pytest.approx(2 / 3 - 12.7062 * error, rel=1e-4),
        pytest.approx(2 / 3 + 12.7062 * error, rel=1e-4),
    )
    shown = ratio(np.array([1.0, 3.0]), np.array([2.0, 4.0]))
    assert (shown.low, shown.high) == (0.0, 1.0)  # a share stays one


def test_no_interval_where_nothing_is_known():
    one, none = ratio(np.array([1.0]), np.array([2.0])), ratio(np.zeros(2), np.zeros(2))
    assert (one.value, one.low) == (0.5, None)
    assert (none.value, none.low) == (None, None)
    assert ratio(np.array([2.0, 4.0]), np.array([2.0, 4.0])).low is None  # all of them: nothing varies
    assert ratio(np.array([1.0, 9.0, 0.0]), np.array([2.0, 10.0, 0.0])) == ratio(
        np.array([1.0, 9.0]), np.array([2.0, 10.0])
    )


def test_the_interval_covers_examples_that_differ():
    hits = 0
    for seed in range(300):
        rng = np.random.default_rng(seed)
        lengths = rng.integers(1, 40, size=60)
        shifted = rng.binomial(lengths, rng.beta(2, 6, size=60))  # shares of their own: mean 1/4
        found = ratio(shifted.astype(float), lengths.astype(float))
        hits += found.low <= 0.25 <= found.high
    assert 0.90 <= hits / 300 <= 0.98
