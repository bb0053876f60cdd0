"""Deita's rule by hand, and its block-wise filter against the published loop."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataselect.strategies import Candidates
from dataselect.strategies.cosine import greedy_distinct
from dataselect.strategies.deita import Deita


def unit(rows) -> np.ndarray:
    rows = np.asarray(rows, np.float64)
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def published_loop(vectors, order, threshold):
    """One candidate after the other against everything kept, in double precision."""
    kept: list[int] = []
    for row in order:
        if all(vectors[row].astype(np.float64) @ vectors[k].astype(np.float64) <= threshold for k in kept):
            kept.append(int(row))
    return kept


def test_the_rule_by_hand():
    # products: a 2 * 3 = 6, b 5 * 1 = 5, c 4 * 1 = 4, d 1 * 1 = 1
    vectors = unit([[1, 0], [0.95, 0.3], [0, 1], [0.3, 0.95]])  # cos(a, b) = 0.954, cos(c, d) = 0.954, cos(b, d) = 0.58
    candidates = Candidates(
        ["a", "b", "c", "d"],
        {"complexity": np.array([2.0, 5, 4, 1]), "quality": np.array([3.0, 1, 1, 1])},
        vectors=vectors,
    )
    ranking = Deita().rank(candidates, np.random.default_rng(0))
    assert ranking.order.tolist() == [0, 2]  # b is shadowed by a, d by c
    assert ranking.scores.tolist() == [6.0, 4.0]
    assert Deita(threshold=1.0).rank(candidates, np.random.default_rng(0)).order.tolist() == [0, 1, 2, 3]


def test_a_row_shadows_only_while_it_is_kept_itself():
    # b is shadowed by a; c resembles b but not a, so it stays: this is what a batch size over 1 gets wrong
    angles = np.deg2rad([0, 20, 40])
    vectors = np.stack([np.cos(angles), np.sin(angles)], 1).astype(np.float32)  # neighbours 0.940, ends 0.766
    assert greedy_distinct(vectors, np.arange(3), 0.9).tolist() == [0, 2]


def test_any_score_can_take_the_place_of_the_product():
    candidates = Candidates(["a", "b"], {"ppl": np.array([5.0, 3.0])}, vectors=unit([[1, 0], [0, 1]]))
    assert Deita(score="ppl", direction="low").rank(candidates, np.random.default_rng(0)).order.tolist() == [1, 0]


def test_a_threshold_that_is_no_cosine_is_refused():
    with pytest.raises(ValueError, match="expected a cosine"):
        Deita(threshold=9.0)


@settings(deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([0.5, 0.9, 0.99]), st.integers(1, 400))
def test_the_blocks_decide_as_the_published_loop_does(seed, threshold, number):
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(max(1, number // 6), 8))
    vectors = unit(centres[rng.integers(len(centres), size=number)] + 0.3 * rng.normal(size=(number, 8)))
    order = rng.permutation(number)
    expected = published_loop(vectors, order, threshold)
    assert greedy_distinct(vectors, order, threshold).tolist() == expected
    assert greedy_distinct(vectors, order, threshold, limit=7).tolist() == expected[:7]


def test_more_rows_than_a_block():
    rng = np.random.default_rng(1)
    vectors = unit(rng.normal(size=(2500, 3)))
    assert greedy_distinct(vectors, np.arange(2500), 0.95).tolist() == published_loop(vectors, range(2500), 0.95)


def test_cosines_at_the_threshold_are_decided_in_double_precision():
    vectors = unit([[1, 0], [0.9, np.sqrt(1 - 0.81)], [0.9 + 1e-7, np.sqrt(1 - 0.81)]])
    assert greedy_distinct(vectors, np.arange(3), 0.9).tolist() == published_loop(vectors, range(3), 0.9)
