"""Packs: nothing lost, nothing mixed up, budgets kept."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dataselect.backends import TokenSequence
from dataselect.backends.packing import pack, plan_packs


def test_a_pack_says_where_everything_lies():
    one = pack([TokenSequence(np.array([7, 8, 9], np.int32)), TokenSequence(np.array([5, 6, 4, 3], np.int32), 2)])
    assert one.ids.tolist() == [7, 8, 9, 5, 6, 4, 3]
    assert one.positions.tolist() == [0, 1, 2, 0, 1, 2, 3]
    assert one.bounds.tolist() == [0, 3, 7]
    assert one.scored.tolist() == [1, 2, 5, 6]  # the first from its second token on, the other from its third


@given(st.lists(st.integers(1, 300), max_size=40), st.integers(1, 400), st.none() | st.integers(1, 300))
def test_plans_keep_the_budget_and_lose_nothing(lengths, budget, apart):
    plan = list(plan_packs(lengths, budget, apart))
    assert sorted(i for chosen in plan for i in chosen) == list(range(len(lengths)))
    for chosen in plan:
        assert len(chosen) == 1 or sum(lengths[i] for i in chosen) <= budget
        assert apart is None or len({lengths[i] > apart for i in chosen}) == 1


@given(st.lists(st.integers(1, 300), min_size=1, max_size=40), st.integers(1, 400))
def test_two_packs_in_a_row_would_not_fit_into_one(lengths, budget):
    plan = list(plan_packs(lengths, budget))
    for chosen, following in itertools.pairwise(plan):
        assert sum(lengths[i] for i in chosen) + lengths[following[0]] > budget


def test_plans_do_not_depend_on_the_order_of_different_lengths():
    lengths = [5, 90, 33, 7, 1, 200, 64]
    by_length = [[lengths[i] for i in chosen] for chosen in plan_packs(lengths, 100)]
    backwards = lengths[::-1]
    assert by_length == [[backwards[i] for i in chosen] for chosen in plan_packs(backwards, 100)]
    assert by_length == [[200], [90], [64, 33], [7, 5, 1]]
