"""Holm's correction, by hand and against statsmodels' definition spelled out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from dataselect.comparison.intervals import ArmDifference, VarianceComponent, VarianceEstimate
from dataselect.comparison.multiple_testing import corrected_p, holm

P = st.lists(st.floats(0, 1), max_size=12)


def test_by_hand():
    # ascending: 0.01 x 4 = 0.04, 0.02 x 3 = 0.06, 0.03 x 2 = 0.06, 0.9 x 1 = 0.9
    assert holm([0.03, 0.01, 0.9, 0.02]) == pytest.approx([0.06, 0.04, 0.9, 0.06])


def test_never_below_an_earlier_one_and_never_over_one():
    # 0.2 x 3 = 0.6; 0.25 x 2 = 0.5, but no less than 0.6; 0.8 x 1 = 0.8
    assert holm([0.2, 0.25, 0.8]) == pytest.approx([0.6, 0.6, 0.8])
    assert holm([0.7, 0.7]) == [1.0, 1.0]
    assert holm([]) == []


@given(P)
def test_it_rejects_what_the_step_down_procedure_rejects(p_values):
    """Holm 1979: go through the p values in ascending order, stop at the first that is not below 0.05 / (m - k + 1)."""
    rejected = set()
    order = sorted(range(len(p_values)), key=lambda place: p_values[place])
    for k, place in enumerate(order):
        if not (len(p_values) - k) * p_values[place] < 0.05:
            break
        rejected.add(place)
    assert {place for place, p in enumerate(holm(p_values)) if p < 0.05} == rejected


@given(P, st.randoms())
def test_the_order_does_not_matter(p_values, random):
    order = list(range(len(p_values)))
    random.shuffle(order)
    corrected = holm(p_values)
    assert holm([p_values[n] for n in order]) == [corrected[n] for n in order]


def test_a_corrected_p_is_never_below_the_differences_own():
    """Two differences of 2 and 10 over a variance of 1: t of 2 degrees by itself, of 4 in the correction, times 2 and 1."""
    part = VarianceComponent((VarianceEstimate(1.0, 2),), (VarianceEstimate(1.0, 4),))
    near, far = (ArmDifference(x, None, None, True, (part,)) for x in (2.0, 10.0))
    own = [2 * stats.t.sf(x, 2) for x in (2.0, 10.0)]  # 0.184, 0.0099
    family = [2 * stats.t.sf(x, 4) for x in (2.0, 10.0)]  # 0.116, 0.00056
    expected = [max(own[0], max(2 * family[1], family[0])), max(own[1], 2 * family[1])]
    assert corrected_p([near, None, far]) == [pytest.approx(expected[0]), None, pytest.approx(expected[1])]
    assert expected == own


def test_what_has_no_p_is_no_test():
    unknown = ArmDifference(1.0, 0.5, 1.5, seed_noise=False)
    certain = ArmDifference(1.0, None, None, True, sign_p=0.04)
    assert corrected_p([unknown, certain]) == [None, 0.04]
