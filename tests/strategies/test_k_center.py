"""Farthest first by hand, and with its shortcuts against the plain greedy."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataselect.strategies import Candidates, k_center
from dataselect.strategies.k_center import KCenter, farthest_first


def plain_greedy(vectors):
    """One choice after the other from all distances."""
    largest = np.full(len(vectors), -1.0)
    mean = vectors.mean(axis=0, dtype=np.float64).astype(np.float32)
    row = int(np.argmax(np.round(vectors @ mean, 6)))
    chosen = []
    while len(chosen) < len(vectors):
        chosen.append(row)
        largest = np.maximum(largest, np.round((vectors.astype(np.float64) @ vectors[row]), 6))
        largest[chosen] = np.inf
        row = int(np.argmin(largest))
    return chosen


def on_circle(*degrees):
    angles = np.deg2rad(degrees)
    return np.stack([np.cos(angles), np.sin(angles)], 1).astype(np.float32)


def test_the_rule_by_hand():
    # the mean direction is 38.2 degrees, since x: 1 + .985 + .940 + 0 - 1 = 1.925, y: 0 + .174 + .342 + 1 + 0 = 1.516
    vectors = on_circle(0, 10, 20, 90, 180)
    mean = vectors.mean(axis=0)
    assert np.rad2deg(np.arctan2(mean[1], mean[0])) == pytest.approx(38.2, abs=0.1)
    # begin with 20; farthest is 180 (160 off); then 90 (70 off 20, 90 off 180); then 0 (20 off), then 10
    order = [row for row, _ in farthest_first(vectors)]
    assert order == [2, 4, 3, 0, 1]
    distances = [distance for _, distance in farthest_first(vectors)]
    assert distances[1:] == pytest.approx([1 - np.cos(np.deg2rad(d)) for d in (160, 70, 20, 10)], abs=1e-5)


@given(st.integers(0, 10_000), st.integers(1, 120), st.integers(1, 40))
def test_the_shortcuts_choose_as_the_plain_greedy_does(seed, number, watched):
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(number, 6))
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    k_center.WATCHED, before = watched, k_center.WATCHED
    try:
        assert [row for row, _ in farthest_first(vectors)] == plain_greedy(vectors)
    finally:
        k_center.WATCHED = before


def test_equal_rows_come_last_and_by_id():
    vectors = on_circle(0, 0, 90, 90, 0)
    assert [row for row, _ in farthest_first(vectors)] == [0, 2, 1, 3, 4]


def test_a_limit_stops_early_with_the_same_rows():
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(50, 4)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    ids = [f"{i:02}" for i in range(50)]
    whole = KCenter().rank(Candidates(ids, vectors=vectors), rng)
    some = KCenter().rank(Candidates(ids, vectors=vectors, limit=9), rng)
    assert (some.order.tolist(), some.complete) == (whole.order[:9].tolist(), False)
    assert whole.complete
