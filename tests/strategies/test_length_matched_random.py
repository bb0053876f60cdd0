import time

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from dataselect.strategies import Candidates
from dataselect.strategies.length_matched_random import LengthMatchedRandom, draw_matching

lengths_lists = st.lists(st.integers(1, 30), min_size=1, max_size=40)


def drawn(lengths, targets, seed=0):
    return draw_matching(np.array(lengths, float), np.array(targets, float), np.random.default_rng(seed)).tolist()


def test_follows_the_lengths_and_goes_round_again():
    # lengths 10 20 30 40; targets 31, 12: 30 is nearest to 31, 10 to 12, then 40 to 31, then 20 is left
    assert drawn([10, 20, 30, 40], [31, 12]) == [2, 0, 3, 1]


def test_an_emptied_length_is_passed_over():
    # target 5 four times: 5, then 6 (1 away), then 3 (2 away), then 100
    assert drawn([100, 6, 5, 3], [5]) == [2, 1, 3, 0]


@settings(max_examples=200, deadline=None)
@given(lengths=lengths_lists, targets=lengths_lists, seed=st.integers(0, 3))
def test_each_draw_is_as_near_as_a_full_search_finds(lengths, targets, seed):
    left = set(range(len(lengths)))
    for place, row in enumerate(drawn(lengths, targets, seed)):
        target = targets[place % len(targets)]
        assert abs(lengths[row] - target) == min(abs(lengths[other] - target) for other in left)
        left.remove(row)
    assert not left


def test_rows_that_are_equally_near_are_drawn_uniformly():
    # target 10: one row of length 9, two of 11; each should come first in a third of the draws
    first = [drawn([9, 11, 11], [10], seed)[0] for seed in range(3000)]
    counts = np.bincount(first, minlength=3)  # 1000 each, standard deviation sqrt(3000 * 1/3 * 2/3) = 25.8
    assert abs(counts - 1000).max() < 4 * 25.8


def test_copies_a_distribution_that_is_not_the_pools():
    rng = np.random.default_rng(1)
    pool = rng.integers(1, 1000, 5000)
    targets = rng.integers(700, 1000, 200)
    matched = pool[drawn(pool, targets)[:200]]
    assert abs(np.sort(matched) - np.sort(targets)).max() <= 2  # five pool rows per length: a neighbour is at hand
    assert abs(pool.mean() - matched.mean()) > 300


def test_the_rest_is_drawn_from_where_a_row_of_it_is_within_a_tenth():
    # lengths 100 109 112; the first is the selection: 109 is within a tenth of 100, then 100 is nearer than 112
    lengths, inside = np.array([100.0, 109, 112]), np.array([True, False, False])
    order = draw_matching(lengths, np.array([100.0]), np.random.default_rng(0), inside)
    assert order.tolist() == [1, 0, 2]


def test_without_a_row_of_that_length_the_selection_is_drawn_itself():
    # 50 is no control for 100
    candidates = Candidates(["a", "b"], {"response_tokens": np.array([50.0, 100.0])}, np.array([100.0]), ["b"])
    assert LengthMatchedRandom("s.jsonl").rank(candidates, np.random.default_rng(0)).order.tolist() == [1, 0]


@settings(max_examples=200, deadline=None)
@given(lengths=lengths_lists, targets=lengths_lists, seed=st.integers(0, 3), data=st.data())
def test_draws_beside_a_selection_are_those_of_a_full_search(lengths, targets, seed, data):
    inside = data.draw(st.lists(st.booleans(), min_size=len(lengths), max_size=len(lengths)))
    order = draw_matching(
        np.array(lengths, float), np.array(targets, float), np.random.default_rng(seed), np.array(inside)
    )
    left = set(range(len(lengths)))
    for place, row in enumerate(order.tolist()):
        target = targets[place % len(targets)]
        away = {own: min((abs(lengths[r] - target) for r in left if inside[r] == own), default=1e9) for own in (0, 1)}
        own = not (away[0] <= 0.1 * target or away[0] <= away[1])
        assert (inside[row], abs(lengths[row] - target)) == (own, away[own])
        left.remove(row)
    assert not left


def test_a_large_pool_is_not_quadratic():
    def seconds(n):
        start = time.process_time()
        draw_matching(np.arange(n, dtype=float), np.full(1, n / 2), np.random.default_rng(0))
        return time.process_time() - start

    seconds(1000)
    assert seconds(80_000) < 40 * max(seconds(8_000), 0.005)  # 10 times the rows; quadratic would be 100 times the work
