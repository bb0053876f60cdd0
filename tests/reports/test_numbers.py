"""How numbers are written."""

from __future__ import annotations

import pytest

from dataselect.reports.numbers import count, decimals, fixed, half_width, percent, probability, short, signed


@pytest.mark.parametrize(
    ("width", "value", "places"),
    [(0.034, 1.0, 3), (0.34, 1.0, 2), (3.4, 1.0, 1), (34.0, 1.0, 0), (3400.0, 1.0, 0), (None, 0.5, 3), (None, 12.3, 1), (None, 0.0, 3)],
)  # fmt: skip
def test_decimals_follow_the_interval(width, value, places):
    assert decimals(width, value) == places


def test_writing():
    assert (signed(0.0521, 3), signed(-0.0521, 3), signed(-0.0001, 3)) == ("+0.052", "−0.052", "0.000")
    assert (fixed(1234.5, 1), fixed(None, 2), short(0), short(123.4), short(0.01234)) == (
        "1,234.5",
        "–",
        "0",
        "123",
        "0.0123",
    )
    assert (count(3.0), count(3.25), percent(0.0823), percent(1.0)) == ("3", "3.2", "8.2 %", "100 %")
    assert (probability(0.00001), probability(0.0312), probability(0.314), probability(None)) == (
        "< 0.001",
        "0.031",
        "0.31",
        "–",
    )
    assert (half_width(1.0, 2.0), half_width(None, 2.0)) == (0.5, None)
