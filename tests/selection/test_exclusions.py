import numpy as np
import pytest

from dataselect.selection.exclusions import Exclusions


def rows(*numbers):
    return np.array(numbers, np.int64)


def test_each_row_leaves_once_and_counts_come_in_the_order_of_the_steps():
    exclusions = Exclusions(8)
    exclusions.exclude(rows(7), "over_budget")
    exclusions.exclude(rows(0, 2), "near_duplicate", {0: "kept", 2: "kept"})
    exclusions.exclude(rows(1), "too_short")
    exclusions.exclude(rows(3), "too_long")
    exclusions.exclude(rows(), "where")
    exclusions.exclude(rows(4), "without_scores")
    assert exclusions.remaining.tolist() == [5, 6]
    assert exclusions.counts() == {
        "without_scores": 1, "too_long": 1, "too_short": 1, "near_duplicate": 2, "over_budget": 1,
    }  # fmt: skip
    assert list(exclusions.counts()) == ["without_scores", "too_long", "too_short", "near_duplicate", "over_budget"]
    assert list(exclusions)[:4] == ["near_duplicate", "too_short", "near_duplicate", "too_long"]
    assert exclusions.of("near_duplicate").tolist() == [0, 2]
    assert exclusions.of("where").tolist() == []
    assert exclusions.because == {0: "kept", 2: "kept"}
    with pytest.raises(AssertionError, match="a row excluded by where was excluded before"):
        exclusions.exclude(rows(5, 0), "where")


def test_a_copy_goes_its_own_way():
    exclusions = Exclusions(2)
    twin = exclusions.copy()
    twin.exclude(rows(0), "duplicate", {0: "b"})
    assert (list(exclusions), exclusions.because, exclusions.names) == (["", ""], {}, [""])
