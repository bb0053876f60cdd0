"""AUC, recall and intervals by hand, and AUC against counting every pair."""

import math

import numpy as np
import pytest
from defect_measures import auc, auc_within, compare, over_seeds, recall
from hypothesis import given
from hypothesis import strategies as st


def places(*numbers) -> np.ndarray:
    return np.array(numbers, np.float64)


def test_auc_counts_the_pairs_in_which_the_clean_row_stands_first():
    # clean at 1 and 4, defective at 2 and 3: 1 < 2, 1 < 3 are right, 4 > 2, 4 > 3 are not
    assert auc(places(1, 4), places(2, 3)) == 2 / 4
    assert auc(places(1, 2), places(3, 4)) == 1.0
    assert auc(places(3, 4), places(1, 2)) == 0.0


def test_rows_without_a_place_stand_behind_all_others_and_tie_with_each_other():
    # (1, inf) right, (inf, inf) one half
    assert auc(places(1, np.inf), places(np.inf)) == 1.5 / 2
    assert auc(places(1, 2), places(np.inf)) == 1.0


def test_auc_within_bins_puts_the_pairs_of_all_bins_together():
    # bin 0: clean 1, 2 against defective 3: 2 of 2; bin 1: clean 5 against defective 4: 0 of 1; none across
    clean, clean_bins = places(1, 2, 5), np.array([0, 0, 1])
    defective, bins = places(3, 4), np.array([0, 1])
    assert auc_within(clean, clean_bins, defective, bins) == 2 / 3
    assert auc_within(clean, clean_bins, defective, np.array([7, 7])) is None


def test_an_order_by_length_alone_is_chance_within_equal_lengths():
    length = np.array([1, 1, 1, 2, 2, 2])  # the shorter the better; the defective ones are longer on the whole
    place = places(*(3.5 if one == 2 else 0.5 for one in length))
    defective = np.array([False, False, True, False, True, True])
    assert auc(place[~defective], place[defective]) > 0.5
    assert auc_within(place[~defective], length[~defective], place[defective], length[defective]) == 0.5


def test_recall_is_the_share_of_defects_behind_the_budget():
    # of 10 rows the best 5 are kept: defects at 5 (kept), 6 and nowhere (both left out)
    assert recall(places(5, 6, np.inf), 10, 50) == pytest.approx(2 / 3)
    assert recall(places(1, 2), 19, 10) == 0.5  # 10 % of 19 rows is 1 row


def test_the_interval_over_seeds_is_students_t():
    told = over_seeds([0.6, 0.7, 0.8])  # sd 0.1, 2 degrees of freedom: 4.3027 * 0.1 / sqrt(3)
    assert told.mean == pytest.approx(0.7)
    assert told.half == pytest.approx(4.302653 * 0.1 / math.sqrt(3), rel=1e-6)
    assert over_seeds([0.6]).half is None


@given(st.lists(st.integers(0, 9), max_size=30), st.lists(st.integers(0, 9), max_size=30))
def test_sorting_counts_as_comparing_every_pair_does(clean, defective):
    right = sum((a < b) + (a == b) / 2 for a in clean for b in defective)
    found = compare(places(*clean), places(*defective))
    assert (found.number, found.right) == (len(clean) * len(defective), right)
