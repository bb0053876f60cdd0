"""Turns played by hand, and by a straight reference that pops from sorted lists."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataselect.strategies import round_robin
from dataselect.strategies.round_robin import share_skipping, share_wasting

LISTS = np.array([[0.9, 0.8, 0.7, 0.1], [0.8, 0.9, 0.2, 0.1], [0.9, 0.3, 0.6, 0.5]], np.float32)
"""Three queries who prefer 0 1 2 3, 1 0 2 3 and 0 2 3 1."""


def wasting(lists):
    return share_wasting(iter(lists), lists.shape[1], len(lists))


def skipping(lists, limit=None):
    number = lists.shape[1]
    return share_skipping(lambda rows: iter(lists[:, rows]), number, len(lists), number if limit is None else limit)


def popped(lists, waste):
    """The rule as it is told: sorted lists, turn after turn, until nobody is left."""
    queues = [sorted(range(len(row)), key=lambda i, row=row: (-row[i], i)) for row in lists]
    order, similarity = [], []
    while len(order) < lists.shape[1]:
        for queue, row in zip(queues, lists, strict=True):
            while queue:
                one = queue.pop(0)
                if one not in order:
                    order.append(one)
                    similarity.append(row[one])
                elif not waste:
                    continue
                break
    return order, similarity


def test_a_turn_is_lost_where_the_candidate_is_taken():
    """Round 1: query 0 takes 0, query 1 takes 1, query 2 names 0 and loses its turn.

    Round 2: query 0 names 1 and query 1 names 0, both lost; query 2 takes 2. Round 3: 2 and 2 are lost; query 2 takes 3.
    """
    shares = wasting(LISTS)
    assert shares.order.tolist() == [0, 1, 2, 3]
    np.testing.assert_array_equal(shares.similarity, np.array([0.9, 0.9, 0.6, 0.5], np.float32))


def test_a_turn_goes_to_the_next_best_where_that_is_asked_for():
    """Query 0 takes 0, query 1 takes 1, query 2 wants 0 and takes 2; then query 0 takes what is left, 3."""
    shares = skipping(LISTS)
    assert shares.order.tolist() == [0, 1, 2, 3]
    np.testing.assert_array_equal(shares.similarity, np.array([0.9, 0.9, 0.6, 0.1], np.float32))


def test_the_first_query_wins_what_two_want_in_the_same_round():
    lists = np.array([[0.1, 0.5, 0.2], [0.1, 0.9, 0.2]], np.float32)
    shares = wasting(lists)
    assert shares.order.tolist() == [1, 2, 0]
    np.testing.assert_array_equal(shares.similarity, np.array([0.5, 0.2, 0.1], np.float32))


grids = st.integers(1, 5).flatmap(
    lambda queries: st.lists(
        st.lists(
            st.one_of(st.sampled_from([0.0, 0.5]), st.floats(-1, 1, width=32)), min_size=queries, max_size=queries
        ),
        max_size=20,
    ).map(lambda rows: np.array(rows, np.float32).reshape(-1, queries).T)
)


@settings(deadline=None)
@given(grids)
def test_equals_lists_that_are_popped(lists):
    for shares, truth in ((wasting(lists), popped(lists, True)), (skipping(lists), popped(lists, False))):
        assert shares.order.tolist() == truth[0]
        assert shares.similarity.tolist() == truth[1]


@pytest.mark.parametrize("cells", [1, 8, 40])
@settings(deadline=None)
@given(lists=grids, limit=st.integers(1, 20))
def test_lists_that_are_cut_short_change_nothing(cells, lists, limit):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(round_robin, "LIST_CELLS", cells)
        assert skipping(lists).order.tolist() == popped(lists, False)[0]
        assert skipping(lists, limit).order.tolist() == popped(lists, False)[0][:limit]


def test_a_candidate_far_down_all_lists_is_found_behind_many_that_are_taken():
    lists = np.tile(np.linspace(1, 0, 1000, dtype=np.float32), (3, 1))
    assert skipping(lists).order.tolist() == list(range(1000))
    assert wasting(lists).order.tolist() == list(range(1000))
