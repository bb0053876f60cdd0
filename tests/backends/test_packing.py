"""Packs: nothing lost, nothing mixed up, budgets kept."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dataselect.backends import TokenSequence
from dataselect.backends.packing import even_packs, pack, plan_lanes, plan_packs


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


@given(st.lists(st.integers(1, 300), max_size=60), st.integers(1, 400), st.integers(1, 5))
def test_even_packs_keep_their_limit_and_lose_nothing(lengths, most, lanes):
    plan = even_packs(lengths, most, lanes)
    assert sorted(i for chosen in plan for i in chosen) == list(range(len(lengths)))
    for chosen in plan:
        assert len(chosen) == 1 or 0 < sum(lengths[i] for i in chosen) <= most
    tokens = [sum(lengths[i] for i in chosen) for chosen in plan]
    assert tokens == sorted(tokens, reverse=True)
    assert len(plan) % lanes == 0 or len(plan) == len(lengths)


def test_even_packs_leave_no_lane_waiting():
    lengths = [300, 200, 150, 150, 100, 100, 60, 40]
    packs = [[lengths[i] for i in chosen] for chosen in even_packs(lengths, 300, 2)]
    # 1,100 tokens in packs of at most 300 for two lanes are four; one after the other full they would be 300, 200,
    # 300, 200, 100, and a lane would wait
    assert sorted(sum(pack) for pack in packs) == [250, 260, 290, 300]
    assert even_packs([], 100, 2) == []


def test_a_few_long_sequences_leave_the_packs_of_the_short_ones_full():
    # 60 long ones are 60 packs; 2,000 * 60 = 120,000 tokens in packs of 8 * 60 = 480 of at most 512 are 250
    lengths = [60] * 2000 + [8000] * 60
    short = [chosen for chosen in even_packs(lengths, 512, 2) if lengths[chosen[0]] == 60]
    assert 250 <= len(short) <= 250 * 1.05 + 2


def test_even_packs_do_not_depend_on_the_order_of_different_lengths():
    lengths = [5, 90, 33, 7, 1, 200, 64]
    by_length = [[lengths[i] for i in chosen] for chosen in even_packs(lengths, 100, 2)]
    backwards = lengths[::-1]
    assert by_length == [[backwards[i] for i in chosen] for chosen in even_packs(backwards, 100, 2)]


@given(st.lists(st.integers(1, 300), max_size=60), st.integers(1, 1000), st.integers(1, 16))
def test_lanes_together_keep_the_budget_and_lose_nothing(lengths, tokens, lanes):
    stages = list(plan_lanes(lengths, tokens, lanes))
    assert sorted(i for _, packs in stages for chosen in packs for i in chosen) == list(range(len(lengths)))
    for share, packs in stages:
        assert 1 <= share <= lanes
        fullest = [sum(lengths[i] for i in chosen) for chosen in packs][:share]
        assert sum(fullest) <= tokens or (share == 1 and len(packs[0]) == 1)


def test_long_sequences_have_fewer_lanes():
    # of 1,024 tokens four lanes have 256 each, two 512; 2 * 600 is over 1,024
    lengths = [600, 400, 256, 100, 8000, 400, 60, 257]
    stages = list(plan_lanes(lengths, 1024, 4))
    assert [share for share, _ in stages] == [1, 2, 4]
    packed = [[[lengths[i] for i in chosen] for chosen in packs] for _, packs in stages]
    assert packed == [[[8000], [600]], [[400], [400], [257]], [[256], [100], [60]]]
