"""The closed form against entropies that are computed with and without each row."""

import numpy as np
import pytest

from dataselect.strategies import Candidates
from dataselect.strategies.entropy_loo import EntropyLoo, entropy_change


def entropy(rows):
    """1/2 log det of the scatter matrix over n: the Gaussian's entropy up to a constant of the dimension."""
    centred = rows - rows.mean(axis=0)
    return 0.5 * np.linalg.slogdet(centred.T @ centred / len(rows))[1]


def test_the_closed_form_is_the_difference_of_two_entropies():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(30, 4)) * [1.0, 2.0, 0.5, 1.0]
    whole = entropy(rows)
    # det(S_without_i) = det(S) (1 - n / (n - 1) d'S^-1 d), and each scatter is divided by its own number of rows
    constant = 0.5 * 4 * np.log(29 / 30)
    expected = [whole - entropy(np.delete(rows, i, axis=0)) - constant for i in range(30)]
    assert entropy_change(rows.astype(np.float32), 64) == pytest.approx(expected, abs=1e-5)


def test_on_a_line_by_hand():
    # rows 0, 1, 2, 9: mean 3, S = 9 + 4 + 1 + 36 = 50; 4/3 * d^2 / 50 = .24, .10667, .02667, .96
    change = entropy_change(np.array([[0.0], [1], [2], [9]], np.float32), 1)
    assert change == pytest.approx([-0.5 * np.log(1 - 4 / 3 * d * d / 50) for d in (3, 2, 1, 6)], abs=1e-6)
    ids = ["a", "b", "c", "d"]
    ranking = EntropyLoo().rank(
        Candidates(ids, vectors=np.array([[0.0], [1], [2], [9]], np.float32)), np.random.default_rng(0)
    )
    assert ranking.order.tolist() == [3, 0, 1, 2]


def test_rows_that_are_all_equal_have_nothing_to_lose():
    change = entropy_change(np.ones((5, 3), np.float32), 2)
    assert np.isfinite(change).all()
    assert len(set(change.tolist())) == 1
