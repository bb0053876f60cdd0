import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataselect.explanation.numbers import percentile_of

NAN = float("nan")


def everywhere(n):
    return np.ones(n, bool)


def test_the_percentile_counts_what_is_below_and_half_of_what_is_equal():
    values = np.array([10.0, 30.0, 30.0, 50.0, NAN])
    found = [percentile_of("x", values, row, everywhere(5)).percentile for row in range(5)]
    # (0 + 1/2) / 4, (1 + 2/2) / 4 twice, (3 + 1/2) / 4
    assert found == [12.5, 50.0, 50.0, 87.5, None]


def test_the_source_is_a_pool_of_its_own():
    values = np.array([1.0, 2.0, 3.0, 4.0, NAN])
    found = percentile_of("x", values, 2, np.array([False, False, True, True, True]))
    assert (found.value, found.percentile, found.of) == (3.0, 62.5, 4)  # (2 + 1/2) / 4
    assert (found.source_percentile, found.source_of) == (25.0, 2)  # (0 + 1/2) / 2


def test_a_row_without_a_value_has_no_percentile():
    found = percentile_of("x", np.array([NAN, 1.0]), 0, everywhere(2))
    assert (found.value, found.percentile, found.source_percentile, found.of) == (None, None, None, 1)


@given(st.lists(st.integers(-3, 3), min_size=1, max_size=30))
def test_percentiles_turn_round_with_the_sign_and_their_mean_is_50(values):
    numbers = np.array(values, float)
    up = [percentile_of("x", numbers, row, everywhere(len(values))).percentile for row in range(len(values))]
    down = [percentile_of("x", -numbers, row, everywhere(len(values))).percentile for row in range(len(values))]
    assert np.mean(up) == pytest.approx(50)
    np.testing.assert_allclose(np.add(up, down), 100)
