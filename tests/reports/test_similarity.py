"""Perplexity against similarity: points sampled the same each time; correlations against scipy, their intervals by hand and by simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from dataselect.comparison.pool_table import PoolTable
from dataselect.reports.sections.similarity import pearson, sampled_rows, spearman


def test_estimates_are_scipys():
    rng = np.random.default_rng(0)
    x = rng.normal(size=60)
    y = np.round(x + rng.normal(size=60), 1)  # with ties
    assert pearson(x, y, "x and y").estimate == pytest.approx(stats.pearsonr(x, y).statistic)
    assert spearman(x, y, "x and y").estimate == pytest.approx(stats.spearmanr(x, y).statistic)


def test_intervals_by_hand():
    x, y = np.arange(7.0), np.array([0.0, 2, 1, 3, 5, 4, 6])
    r = 1 - 6 * (4 * 1) / (7 * 48)  # Spearman's formula for ranks without ties: four ranks are off by one
    z = math.atanh(r)
    found = spearman(x, y, "")
    assert found.estimate == pytest.approx(r)
    assert found.ci_low == pytest.approx(math.tanh(z - 1.959964 * math.sqrt((1 + r * r / 2) / 4)))
    assert pearson(x, y, "").ci_high == pytest.approx(math.tanh(z + 1.959964 / math.sqrt(4)))


def test_undefined_and_perfect():
    assert pearson(np.ones(9), np.arange(9.0), "").estimate is None
    assert spearman(np.arange(3.0), np.arange(3.0), "").ci_low is None
    perfect = pearson(np.arange(9.0), np.arange(9.0), "")
    assert (perfect.estimate, perfect.ci_low, perfect.ci_high) == (1.0, 1.0, 1.0)


@pytest.mark.parametrize("coefficient", [pearson, spearman])
def test_coverage(coefficient):
    rng = np.random.default_rng(3)
    rho = 0.5
    truth = rho if coefficient is pearson else 6 / math.pi * math.asin(rho / 2)  # of a bivariate normal
    held = 0
    for _ in range(1000):
        x = rng.normal(size=80)
        found = coefficient(x, rho * x + math.sqrt(1 - rho**2) * rng.normal(size=80), "")
        held += found.ci_low <= truth <= found.ci_high
    assert 0.93 <= held / 1000 <= 0.97


def table(ppl):
    n = len(ppl)
    return PoolTable(tuple(f"e{i}" for i in range(n)), ("s",) * n, ("ok",) * n, {"ppl": ppl}, np.linspace(0, 1, n))


def test_points_are_sampled_the_same_each_time():
    large = table(np.full(5000, 2.0))
    rows = sampled_rows(large)
    assert len(set(rows)) == 2000
    assert rows == sorted(rows) == sampled_rows(large)
    assert sampled_rows(table(np.array([1.0, np.nan, 3.0]))) == [0, 2]
