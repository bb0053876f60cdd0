"""Histograms: no value is lost, and both kinds of axis have sensible bins."""

from __future__ import annotations

import numpy as np

from dataselect.comparison.pool_table import PoolTable
from dataselect.reports.sections.distributions import distributions


def table(**numbers):
    n = len(next(iter(numbers.values())))
    cosine = np.linspace(0, 1, n)
    return PoolTable(tuple(f"e{i}" for i in range(n)), ("s",) * n, ("ok",) * n, numbers, cosine)


def test_extremes_are_in_the_outermost_bins():
    ppl = np.exp(np.random.default_rng(0).normal(1, 0.5, 5000))
    ppl[:2] = 1e9, 1.0
    (found,) = distributions(table(ppl=ppl), [])
    ratios = np.array(found.edges[1:]) / np.array(found.edges[:-1])
    assert np.allclose(ratios, ratios[0])
    assert found.edges[-1] < 100
    assert sum(found.series[0].counts) == 5000


def test_token_counts_have_whole_bins():
    (found,) = distributions(table(response_tokens=np.arange(1.0, 201.0)), [])
    assert found.edges[0] == 0.5 + np.floor(np.quantile(np.arange(1, 201), 0.005)) - 1
    assert set(np.diff(found.edges)) == {5.0}
    assert sum(found.series[0].counts) == 200


def test_one_value_only_and_none_at_all():
    (found,) = distributions(table(ifd=np.array([0.5, 0.5, np.nan]), bits_per_byte=np.full(3, np.nan)), [])
    assert (found.score, sum(found.series[0].counts), found.series[0].missing) == ("ifd", 2, 1)
