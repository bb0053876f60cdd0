import numpy as np
import pytest

from dataselect.selection.fates import Fates


def rows(*numbers):
    return np.array(numbers, np.int64)


def test_each_row_leaves_once_and_counts_come_in_the_order_of_the_steps():
    fates = Fates(8)
    fates.leave(rows(7), "over_budget")
    fates.leave(rows(0, 2), "near_duplicate", {0: "kept", 2: "kept"})
    fates.leave(rows(1), "too_short")
    fates.leave(rows(3), "too_long")
    fates.leave(rows(), "where")
    fates.leave(rows(4), "without_scores")
    assert fates.still_in.tolist() == [5, 6]
    assert fates.counts() == {
        "without_scores": 1, "too_long": 1, "too_short": 1, "near_duplicate": 2, "over_budget": 1,
    }  # fmt: skip
    assert list(fates.counts()) == ["without_scores", "too_long", "too_short", "near_duplicate", "over_budget"]
    assert list(fates)[:4] == ["near_duplicate", "too_short", "near_duplicate", "too_long"]
    assert fates.of("near_duplicate").tolist() == [0, 2]
    assert fates.of("where").tolist() == []
    assert fates.because == {0: "kept", 2: "kept"}
    with pytest.raises(AssertionError, match="a row that where leaves out had left before"):
        fates.leave(rows(5, 0), "where")


def test_a_copy_goes_its_own_way():
    fates = Fates(2)
    twin = fates.copy()
    twin.leave(rows(0), "duplicate", {0: "b"})
    assert (list(fates), fates.because, fates.names) == (["", ""], {}, [""])
