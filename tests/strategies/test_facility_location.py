"""Facility location by hand, and its lazy greedy over a full graph against the plain greedy."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataselect.strategies import Candidates
from dataselect.strategies.facility_location import FacilityLocation


def rank(vectors, **options):
    ids = [f"{i:03}" for i in range(len(vectors))]
    return FacilityLocation(**options).rank(Candidates(ids, vectors=vectors), np.random.default_rng(0))


def plain_greedy(vectors):
    cosines = np.round(np.maximum(vectors.astype(np.float64) @ vectors.T.astype(np.float64), 0), 6)
    np.fill_diagonal(cosines, 1.0)
    covered, chosen, gains = np.zeros(len(vectors)), [], []
    for _ in range(len(vectors)):
        added = np.round(np.maximum(cosines - covered[:, None], 0).sum(axis=0), 5)
        added[chosen] = -1
        row = int(np.argmax(added))
        chosen.append(row)
        gains.append(added[row])
        covered = np.maximum(covered, cosines[:, row])
    return chosen, gains


def test_the_rule_by_hand():
    angles = np.deg2rad([0, 30, 60, 90])
    vectors = np.stack([np.cos(angles), np.sin(angles)], 1).astype(np.float32)
    c30, c60 = np.cos(np.deg2rad(30)), 0.5
    # alone, row 1 covers c30 + 1 + c30 + c60 = 3.232 and so does row 2: the tie goes to row 1
    # then row 3 adds (1 - c60) + (1 - c30 of row 2, which it covers as well as row 1 does: 0) = 0.5, row 2 adds
    # (1 - c30) + (c30 - c60) = 0.5 too: the tie goes to row 2; then row 0 and 3 add 1 - c30 each
    ranking = rank(vectors, neighbours=3)
    assert ranking.order.tolist() == [1, 2, 0, 3]
    assert ranking.scores == pytest.approx([2 * c30 + 1 + c60, 0.5, 1 - c30, 1 - c30], abs=1e-5)


@settings(deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 40))
def test_over_a_full_graph_it_gains_what_the_plain_greedy_gains(seed, number):
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(number, 5)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    ranking = rank(vectors, neighbours=number)
    order, gains = plain_greedy(vectors)
    assert ranking.scores == pytest.approx(gains, abs=2e-4)
    assert ranking.order[0] == order[0]


def test_a_row_stands_for_itself_even_among_copies():
    vectors = np.tile(np.array([[1.0, 0.0]], np.float32), (5, 1))
    ranking = rank(vectors, neighbours=2)
    assert sorted(ranking.order.tolist()) == [0, 1, 2, 3, 4]


def test_among_more_copies_than_neighbours_a_row_has_as_many_neighbours_as_asked_for():
    """Six copies and two neighbours: each row stands for itself and for whoever has it among its two nearest others.

    However ties fall, the first choice covers at most all six fully, and the sum of all gains is the six rows covered.
    """
    vectors = np.tile(np.array([[1.0, 0.0]], np.float32), (6, 1))
    ranking = rank(vectors, neighbours=2)
    assert ranking.scores.sum() == pytest.approx(6.0)
    from dataselect.strategies.facility_location import _Graph

    graph = _Graph.nearest(vectors, 2)
    assert len(graph.served) == 6 + 6 * 2
    assert np.bincount(graph.served).tolist() == [3] * 6


def test_a_single_row_and_a_pool_beyond_the_size_of_exact_files_are_compared_exactly(monkeypatch):
    assert rank(np.array([[1.0, 0.0]], np.float32)).order.tolist() == [0]
    rng = np.random.default_rng(1)
    vectors = rng.normal(size=(40, 5)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    expected = rank(vectors, neighbours=5)
    monkeypatch.setattr("dataselect.embeddings.index_file.EXACT_ROWS", 1)
    assert rank(vectors, neighbours=5).order.tolist() == expected.order.tolist()
