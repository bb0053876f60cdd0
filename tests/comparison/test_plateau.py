"""The exponential plateau: known curves come back, and what does not bend has none."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.optimize import curve_fit

from dataselect.comparison.plateau import fit_plateau

N = np.array([0.0, 100, 200, 400, 800, 1600])


def curve(n, a, b, c):
    return a - (a - b) * np.exp(-c * n)


def test_by_hand():
    """From 1.0 to 3.0 at 0.005: at 200 examples 3 - 2 * exp(-1) = 2.264; 95 % is gone at ln(20) / 0.005 = 599."""
    found = fit_plateau(N, curve(N, 3.0, 1.0, 0.005))
    assert (found.start, found.plateau, found.rate) == pytest.approx((1.0, 3.0, 0.005), rel=1e-4)
    assert found.at(np.array([200.0]))[0] == pytest.approx(3 - 2 * math.exp(-1), rel=1e-4)
    assert found.reached == pytest.approx(599.1, abs=0.2)
    assert found.r_squared == pytest.approx(1.0)


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_losses_fall_towards_theirs_in_any_unit(scale):
    found = fit_plateau(N * scale, curve(N, 2.0, 5.0, 0.004))
    assert found.plateau == pytest.approx(2.0, rel=1e-3)
    assert found.reached == pytest.approx(math.log(20) / 0.004 * scale, rel=1e-3)


def test_noisy_points_against_scipy():
    y = curve(N, 0.6, 0.2, 0.003) + np.random.default_rng(0).normal(0, 0.01, len(N))
    (a, b, c), _ = curve_fit(curve, N, y, p0=(0.6, 0.2, 0.003))
    found = fit_plateau(N, y)
    assert (found.plateau, found.start, found.rate) == pytest.approx((a, b, c), rel=1e-3)


@pytest.mark.parametrize(
    "y", [0.1 + 0.001 * N, (N / 1600) ** 2, np.ones(6)], ids=["a straight line", "ever steeper", "flat"]
)
def test_what_does_not_bend_has_no_plateau(y):
    assert fit_plateau(N, y) is None


def test_three_points_could_not_disagree():
    assert fit_plateau(N[:3], curve(N[:3], 3.0, 1.0, 0.005)) is None
