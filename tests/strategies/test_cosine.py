"""Cosines in blocks, and the order they give, against NumPy on the whole."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataselect.strategies import cosine
from dataselect.strategies.cosine import cosine_rows, descending

values = st.one_of(st.sampled_from([0.0, -0.0, 0.5, -0.5, 1.0, -1.0]), st.floats(-1, 1, width=32))


def unit(rows):
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def drawn(number, dim, seed=0):
    return unit(np.random.default_rng(seed).standard_normal((number, dim)))


@given(st.lists(values, max_size=30))
def test_largest_first_and_equal_ones_in_index_order(some):
    array = np.array(some, np.float32)
    truth = np.argsort(-array, kind="stable")
    np.testing.assert_array_equal(descending(array), truth)
    for most in range(1, len(some) + 2):
        np.testing.assert_array_equal(descending(array, most), truth[:most])


def test_zero_with_and_without_a_sign_are_equal():
    assert descending(np.array([-0.0, 0.0, -0.0, 1e-45], np.float32)).tolist() == [3, 0, 1, 2]


@pytest.mark.parametrize("cells", [1, 30, 10_000])
def test_equals_one_product_whatever_the_blocks(monkeypatch, cells):
    monkeypatch.setattr(cosine, "BLOCK_CELLS", cells)
    monkeypatch.setattr(cosine, "ROWS", 7)
    targets, vectors = drawn(5, 6), drawn(40, 6, seed=1)
    truth = targets.astype(np.float64) @ vectors.astype(np.float64).T
    rows = np.array([3, 39, 0, 12, 12, 5, 8, 31, 2])
    np.testing.assert_allclose([row.copy() for row in cosine_rows(targets, vectors)], truth, atol=1e-7)
    np.testing.assert_allclose([r.copy() for r in cosine_rows(targets, vectors, rows)], truth[:, rows], atol=1e-7)


def test_equal_vectors_have_equal_cosines_wherever_they_stand():
    """In single precision the kernel of the product, and so the rounding, differs at the edges of its tiles."""
    vectors = np.repeat(drawn(1, 384), 10_007, axis=0)
    for row in cosine_rows(drawn(9, 384, seed=2), vectors):
        assert len(np.unique(row)) == 1


def test_no_candidates_and_no_targets_work():
    assert [len(row) for row in cosine_rows(drawn(2, 3), np.zeros((0, 3), np.float32))] == [0, 0]
    assert list(cosine_rows(np.zeros((0, 3), np.float32), drawn(4, 3))) == []
