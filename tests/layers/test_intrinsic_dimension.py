"""TwoNN by hand, on manifolds of known dimension, and against all distances."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from dataselect.layers.representations import FEWEST_POINTS, neighbour_ratios, slope, twonn


def test_the_slope_by_hand():
    # mu = e^1, e^2, e^3, e^4 (n = 4), the last quarter left out: x = 1, 2, 3; F = 1/4, 2/4, 3/4
    y = [-math.log(3 / 4), -math.log(2 / 4), -math.log(1 / 4)]
    expected = (1 * y[0] + 2 * y[1] + 3 * y[2]) / (1 + 4 + 9)
    assert slope(np.array([3.0, 1.0, 4.0, 2.0]), 0.25) == pytest.approx(expected)
    assert slope(np.zeros(10), 0.1) is None


def test_ratios_by_hand():
    # points 0, 1, 3 on a line: 0 has 1 and 3, 1 has 1 and 2, 3 has 2 and 3
    assert neighbour_ratios(np.array([[0.0], [1.0], [3.0]])) == pytest.approx([3, 2, 1.5])


def test_ratios_as_from_all_distances():
    points = np.random.default_rng(0).normal(size=(300, 40)) + 1000.0  # far from the origin
    distances = np.sort(cdist(points, points), axis=1)
    assert neighbour_ratios(points) == pytest.approx(distances[:, 2] / distances[:, 1], rel=1e-9)


@pytest.mark.parametrize(("dimension", "ambient"), [(1, 3), (2, 20), (5, 50), (8, 8)])
def test_flat_manifolds_of_known_dimension(dimension, ambient):
    rng = np.random.default_rng(1)
    points = rng.uniform(size=(3000, dimension)) @ np.linalg.qr(rng.normal(size=(ambient, dimension)))[0].T
    found = twonn(points)
    assert found.value == pytest.approx(dimension, rel=0.1)
    assert found.low < found.value < found.high


def test_a_curved_one():
    angles = np.random.default_rng(0).uniform(0, 2 * np.pi, size=(3000, 2))
    torus = np.stack([np.cos(angles[:, 0]), np.sin(angles[:, 0]), np.cos(angles[:, 1]), np.sin(angles[:, 1])], axis=1)
    assert twonn(torus).value == pytest.approx(2, rel=0.06)


def test_duplicates_count_once_and_change_nothing():
    points = np.random.default_rng(0).normal(size=(400, 3))
    once, twice = twonn(points), twonn(np.concatenate([points, points[:150]]))
    assert (twice.value, twice.points, twice.duplicates) == (once.value, 400, 150)


def test_too_few_points_and_a_grid_have_no_dimension():
    assert twonn(np.random.default_rng(0).normal(size=(FEWEST_POINTS - 1, 3))).value is None
    grid = np.stack(np.meshgrid(np.arange(6.0), np.arange(6.0)), axis=-1).reshape(-1, 2)
    assert twonn(grid).value is None  # every ratio is 1
    assert twonn(np.ones((50, 4))) == twonn(np.ones((50, 7)))
