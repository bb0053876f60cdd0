"""The statistics of `verify`, worked by hand and against slow truths."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.stats import rankdata, spearmanr

from dataselect.scoring.verify.parity import Measured, lowest_overlap, mean_ranks, parity, rank_agreement, spearman
from dataselect.scoring.verify.request import ORDER_ROWS, Tolerance


def row(*logprobs: float, ranks: list[int] | None = None) -> Measured:
    values = np.array(logprobs)
    return Measured(values, -float(values.mean()), None if ranks is None else np.array(ranks, np.int32))


def test_differences_worked_by_hand():
    ours = [row(-1.0, -2.0), row(-0.5, -4.0, -3.0), row(-1.0)]
    reference = [row(-1.1, -2.0), row(-0.5, -4.4, -3.0), row(-1.3)]
    found = parity("by hand", ours, reference)
    # |differences| are 0.1, 0, 0, 0.4, 0, 0.3; in order 0, 0, 0, 0.1, 0.3, 0.4, so the median is (0 + 0.1) / 2
    assert found.largest == pytest.approx(0.4)
    assert found.median == pytest.approx(0.05)
    assert (found.rows, found.tokens, found.not_finite) == (3, 6, 0)
    # the 0.4 is at the second token of the second row
    assert (found.worst_row, found.worst_at) == (1, 1)
    # mean NLLs: 1.5 and 1.55, 2.5 and 7.9 / 3, 1 and 1.3; they differ by 0.05, 0.1333..., 0.3
    assert found.row_median == pytest.approx(7.9 / 3 - 2.5)
    # both orders are third row, first row, second row
    assert found.spearman == pytest.approx(1.0)
    # a tenth of 3 rows is none, so the lowest one counts: the third row on both sides
    assert (found.lowest, found.overlap) == (1, 1.0)
    assert found.ranks is None


def test_spearman_worked_by_hand():
    # ranks 1 2 3 4 against 1 3 2 4: sum of squared differences 2, so rho = 1 - 6 * 2 / (4 * 15) = 0.8
    assert spearman(np.array([0.1, 0.2, 0.3, 0.4]), np.array([5.0, 7.0, 6.0, 8.0])) == pytest.approx(0.8)


def test_rows_closer_than_a_tie_share_their_mean_rank():
    assert mean_ranks(np.array([2.0, 1.0, 1.0 + 1e-7, 3.0])).tolist() == [3.0, 1.5, 1.5, 4.0]
    assert mean_ranks(np.array([2.0, 1.0, 1.0 + 1e-5, 3.0])).tolist() == [3.0, 1.0, 2.0, 4.0]


def test_two_copies_of_a_text_that_differ_in_the_last_bit_cost_nothing():
    x = np.array([1.0, 2.0, 2.0 + 1e-7, 3.0])
    y = np.array([1.0, 2.0 + 1e-7, 2.0, 3.0])
    assert spearman(x, y) == pytest.approx(1.0)
    assert lowest_overlap(x, y, 2) == 1.0


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=2, max_size=30))
def test_ranks_and_spearman_with_ties_are_those_of_scipy(pairs):
    x, y = np.array(pairs, float).T
    assert mean_ranks(x, 0.0).tolist() == rankdata(x).tolist()
    assume(np.ptp(x) > 0 and np.ptp(y) > 0)
    assert spearman(x, y, 0.0) == pytest.approx(spearmanr(x, y).statistic)


def test_spearman_of_a_constant_or_of_one_row_does_not_exist():
    assert spearman(np.ones(5), np.arange(5.0)) is None
    assert spearman(np.ones(1), np.ones(1)) is None


def test_overlap_worked_by_hand():
    x = np.arange(20.0)
    swapped = x.copy()
    swapped[[3, 4]] = swapped[[4, 3]]
    # lowest 4 by x: rows 0 1 2 3; by the other: rows 0 1 2 4; three of four are the same
    assert lowest_overlap(x, swapped, 4) == 0.75
    assert lowest_overlap(x, swapped, 5) == 1.0
    assert lowest_overlap(x, x[::-1], 4) == 0.0


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=7), st.data())
def test_overlap_with_ties_is_that_of_the_most_similar_choice(pairs, data):
    k = data.draw(st.integers(1, len(pairs)))
    x, y = np.array(pairs, float).T

    def choices(values: np.ndarray) -> list[set[int]]:
        """Every set of k rows with the k smallest values."""
        smallest = sorted(values)[:k]
        sets = itertools.combinations(range(len(values)), k)
        return [set(rows) for rows in sets if sorted(values[list(rows)]) == smallest]

    best = max(len(a & b) for a in choices(x) for b in choices(y))
    assert lowest_overlap(x, y, k) == pytest.approx(best / k)


def test_ranks_agree_where_they_fall_into_one_class():
    ours = [row(-1.0, -1.0, -1.0, -1.0, ranks=[1, 2, 4, 900])]
    reference = [row(-1.0, -1.0, -1.0, -1.0, ranks=[1, 3, 3, 905])]
    assert rank_agreement(ours, reference) == 0.75  # 4 and 3 lie on two sides of a border
    from_zero = [row(-1.0, -1.0, -1.0, -1.0, ranks=[0, 2, 2, 904])]
    assert rank_agreement(from_zero, reference) == 0.75  # 0 is no rank
    assert rank_agreement([row(-1.0)], [row(-1.0, ranks=[1])]) is None


def test_a_token_without_a_number_is_counted_and_is_the_worst():
    found = parity("x", [row(-1.0, math.nan, -9.0), row(-2.0)], [row(-1.5, -1.0, -1.0), row(-2.0)])
    assert (found.not_finite, found.worst_row, found.worst_at) == (1, 0, 1)
    assert (found.largest, found.median) == (8.0, 0.5)  # of 0.5, 8 and 0
    assert Tolerance().misses(found) == ("1 tokens without a finite log-probability",)


def test_nothing_finite_at_all_is_no_number():
    found = parity("x", [row(math.nan)], [row(-1.0)])
    assert (found.largest, found.median, found.row_median, found.spearman, found.overlap) == (None,) * 5
    assert Tolerance.of("float32").misses(found)


@given(st.lists(st.floats(-20, -0.01), min_size=1, max_size=20), st.floats(1e-3, 5))
def test_a_shift_of_every_token_is_the_largest_the_median_and_the_row_difference(logprobs, shift):
    ours, reference = [row(*logprobs)], [row(*(value - shift for value in logprobs))]
    found = parity("x", ours, reference)
    assert [found.largest, found.median, found.row_median] == [pytest.approx(shift)] * 3
    assert found.spearman is None


def of_noise(rows: int, noise: float, seed: int = 0) -> tuple[list[Measured], list[Measured]]:
    rng = np.random.default_rng(seed)
    reference = [row(*rng.normal(-3, 1, 50)) for _ in range(rows)]
    return [row(*(one.logprobs + rng.normal(0, noise, 50))) for one in reference], reference


def test_float32_is_judged_by_its_worst_token():
    ours, reference = of_noise(40, 1e-6)
    assert not Tolerance.of("float32").misses(parity("x", ours, reference))
    ours[7].logprobs[3] += 2e-4
    told = Tolerance.of("float32").misses(parity("x", ours, reference))
    assert told == ("largest difference 0.0002 nats per token, over 0.0001",)
    assert not Tolerance.of("float32", 1e-3).misses(parity("x", ours, reference))


def test_16_bits_are_judged_by_their_rows():
    # 50 tokens with noise of 0.02: rows are off by about 0.02 / sqrt(50) = 0.003 nats per token
    ours, reference = of_noise(400, 0.02)
    found = parity("x", ours, reference)
    assert 0.0015 < found.row_median < 0.0025  # the median of |N(0, 0.0028)| is 0.674 * 0.0028 = 0.0019
    assert found.largest > 0.05
    kept = Tolerance(row_median=5e-3)
    assert not kept.misses(found)
    assert kept.misses(parity("x", *of_noise(400, 0.2)))


def test_order_is_judged_in_whole_rows_and_not_for_a_handful():
    # 200 rows, 20 of them the lowest: one at the border may be another one, two may not
    x = np.arange(200.0)
    reference = [row(-value) for value in x]
    tolerance = Tolerance(overlap=0.99)
    one, two = x.copy(), x.copy()
    one[[19, 20]] = one[[20, 19]]
    two[[18, 19, 20, 21]] = two[[20, 21, 18, 19]]
    assert not tolerance.misses(parity("x", [row(-value) for value in one], reference))
    told = tolerance.misses(parity("x", [row(-value) for value in two], reference))
    assert told == ("overlap of the lowest tenth 0.9000, under 0.95",)
    few = ORDER_ROWS - 1
    backwards = parity("x", reference[:few][::-1], reference[:few])
    assert (backwards.spearman, backwards.overlap) == (pytest.approx(-1.0), 0.0)
    assert not Tolerance(spearman=0.999, overlap=0.99).misses(backwards)


def test_ranks_that_count_from_zero_are_over_the_tolerance():
    right = [row(*[-1.0] * 4, ranks=[1, 2, 4, 90])] * 40
    wrong = [row(*[-1.0] * 4, ranks=[0, 1, 3, 89])] * 40
    assert Tolerance.of("float32").misses(parity("x", wrong, right)) == ("rank agreement 0.2500, under 0.99",)
