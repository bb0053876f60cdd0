"""Weighted coefficients are scipy's of the points written out; partial correlation by residuals; Holm by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from dataselect.comparison.multiple_testing import holm
from dataselect.run_analysis.coefficients import coefficients, partial_correlation

SMALL = st.integers(0, 6)
POINTS = st.lists(st.tuples(SMALL, SMALL, st.integers(0, 3)), min_size=3, max_size=12)


def plain(x, y):
    if len(x) < 2 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return [np.nan] * 3
    return [f(x, y).statistic for f in (stats.pearsonr, stats.spearmanr, stats.kendalltau)]


@settings(max_examples=150, deadline=None)
@given(POINTS)
def test_weights_are_points_held_several_times(points):
    x, y, w = (np.array(one, dtype=float) for one in zip(*points, strict=True))
    found = coefficients(x, y, np.stack([w, np.ones_like(w)]))
    held = np.repeat(np.arange(len(x)), w.astype(int))
    for draw, rows in ((0, held), (1, np.arange(len(x)))):
        values = [one[draw] for one in found.named.values()]
        assert values == pytest.approx(plain(x[rows], y[rows]), nan_ok=True, abs=1e-9)


def test_by_hand():
    # pairs of y = 1, 3, 2, 4 against 1, 2, 3, 4: five alike, one opposed; ranks differ by 1 twice
    found = coefficients(np.arange(4.0), np.array([1.0, 3, 2, 4]), np.ones((1, 4)))
    assert found.kendall[0] == pytest.approx((5 - 1) / 6)
    assert found.spearman[0] == pytest.approx(1 - 6 * 2 / (4 * 15))
    assert found.pearson[0] == pytest.approx(0.8)


def test_rounding_is_no_spread():
    x = np.full(5, 0.1) + np.array([0, 1e-17, 0, 0, 0])
    assert np.isnan(coefficients(x * 3, np.arange(5.0), np.ones((1, 5))).pearson[0])


def test_values_may_differ_from_draw_to_draw():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 3, 8))
    found = coefficients(x, y, np.ones((3, 8)))
    assert found.spearman == pytest.approx([stats.spearmanr(a, b).statistic for a, b in zip(x, y, strict=True)])


def test_partial_is_the_correlation_of_what_lines_leave_over():
    rng = np.random.default_rng(1)
    z = rng.normal(size=60)
    x, y = z + rng.normal(size=60), -z + rng.normal(size=60)
    rest = [one - np.polyval(np.polyfit(z, one, 1), z) for one in (x, y)]
    r = [np.array([np.corrcoef(a, b)[0, 1]]) for a, b in ((x, y), (x, z), (y, z))]
    assert partial_correlation(*r)[0] == pytest.approx(np.corrcoef(*rest)[0, 1])
    assert np.isnan(partial_correlation(np.array([1.0]), np.array([1.0]), np.array([1.0]))[0])


def test_holm_by_hand():
    # 0.01 * 3, 0.02 * 2, max(0.04, 0.03 * 1): the last may not be below the one before
    assert holm([0.03, None, 0.01, 0.02]) == pytest.approx([0.04, None, 0.03, 0.04])
    assert holm([0.9, 0.8]) == [1.0, 1.0]


@given(st.lists(st.floats(0, 1), max_size=20))
def test_holm_never_lowers_and_keeps_the_order(values):
    corrected = holm(values)
    assert all(c >= p for c, p in zip(corrected, values, strict=True))
    ordered = [c for _, c in sorted(zip(values, corrected, strict=True))]
    assert ordered == sorted(ordered)
