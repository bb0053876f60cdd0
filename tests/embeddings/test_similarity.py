"""Similarity to a target set: by hand in two dimensions, and against the definition spelled out in loops."""

from __future__ import annotations

import math

import numpy as np
import pytest

from dataselect.embeddings.similarity import TargetSimilarity, TargetVectors

TARGETS = np.array([[1.0, 0.0], [0.0, 1.0], [0.6, 0.8]], np.float32)
X = np.array([[0.8, 0.6]], np.float32)


@pytest.mark.parametrize(
    ("top_k", "expected"),
    [
        # cosines of x with the three targets: 0.8, 0.6, 0.8 * 0.6 + 0.6 * 0.8 = 0.96
        (1, 0.96),
        (2, (0.96 + 0.8) / 2),
        (3, (0.96 + 0.8 + 0.6) / 3),
    ],
)
def test_similarity_is_the_mean_of_the_k_largest_cosines(top_k, expected):
    assert TargetVectors(TARGETS, top_k).similarity(X).similarity == pytest.approx([expected], abs=1e-6)


def test_centroid_similarity_is_the_cosine_to_the_normalised_mean():
    # sum of the targets: (1.6, 1.8), of length sqrt(2.56 + 3.24); x . sum = 1.28 + 1.08
    expected = (0.8 * 1.6 + 0.6 * 1.8) / math.sqrt(5.8)
    assert TargetVectors(TARGETS, 2).similarity(X).centroid_similarity == pytest.approx([expected], abs=1e-6)


def test_k_is_capped_at_the_number_of_targets():
    capped = TargetVectors(TARGETS, 10)
    assert capped.top_k == 3
    assert capped.similarity(X).similarity == TargetVectors(TARGETS, 3).similarity(X).similarity


def test_targets_that_cancel_out_have_no_centroid():
    opposed = TargetVectors(np.array([[0.6, 0.8], [-0.6, -0.8]], np.float32), 1)
    assert opposed.similarity(X).centroid_similarity is None
    assert opposed.similarity(X).similarity == pytest.approx([0.96], abs=1e-6)


def test_two_clusters_of_targets_separate_the_two_measures():
    # Targets at 0 and 90 degrees. At 45 degrees x is the centroid, yet at 0 degrees x is on a target.
    targets = TargetVectors(np.array([[1.0, 0.0], [0.0, 1.0]], np.float32), 1)
    between, on = math.sqrt(0.5), 1.0
    found = targets.similarity(np.array([[between, between], [on, 0.0]], np.float32))
    assert found.similarity == pytest.approx([between, 1.0], abs=1e-6)
    assert found.centroid_similarity == pytest.approx([1.0, between], abs=1e-6)


def test_equals_the_definition_in_loops_and_does_not_depend_on_order_or_parts():
    rng = np.random.default_rng(3)
    rows = rng.normal(size=(64, 8))
    unit = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    targets, pool = unit[:14], unit[14:]
    found = TargetVectors(targets, 4).similarity(pool)
    centroid = [sum(float(t[d]) for t in targets) for d in range(8)]
    length = math.sqrt(sum(c * c for c in centroid))
    for row, x in enumerate(pool):
        cosines = sorted((sum(float(a) * float(b) for a, b in zip(x, t, strict=True)) for t in targets), reverse=True)
        assert found.similarity[row] == pytest.approx(sum(cosines[:4]) / 4, abs=1e-6)
        to_centroid = sum(float(a) * c for a, c in zip(x, centroid, strict=True)) / length
        assert found.centroid_similarity is not None
        assert found.centroid_similarity[row] == pytest.approx(to_centroid, abs=1e-6)
    shuffled = TargetVectors(targets[::-1], 4)
    parts = TargetSimilarity.concatenate([shuffled.similarity(pool[:30]), shuffled.similarity(pool[30:])])
    np.testing.assert_allclose(parts.similarity, found.similarity, atol=1e-6)
    np.testing.assert_allclose(parts.centroid_similarity, found.centroid_similarity, atol=1e-6)
