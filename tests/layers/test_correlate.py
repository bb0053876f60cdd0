"""The correlation by depth: a planted truth is found, the bootstrap covers, few runs are told, depths are shared."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import spearmanr

from dataselect.layers.correlate import GRID, common_depths, correlate


def drawn(runs, depth, seed, planted=(3, 4, 5), noise=0.3):
    """Runs whose gain is the change of the planted layers and noise."""
    rng = np.random.default_rng(seed)
    changes = rng.uniform(0.5, 1.5, size=(runs, depth))
    gains = changes[:, list(planted)].mean(axis=1) + noise * 0.3 * rng.normal(size=runs)
    positions = np.linspace(0, 1, depth)
    return [(positions, row) for row in changes], changes, gains


def found_of(curves, changes, gains, seed=0):
    return correlate("gain", [f"run-{n}" for n in range(len(gains))], curves, changes.mean(axis=1), gains, seed)


def test_a_planted_middle_is_found():
    curves, changes, gains = drawn(60, 9, 0)
    found = found_of(curves, changes, gains)
    assert found.peak in {p for p in np.linspace(0, 1, 9) if 1 / 3 <= p <= 2 / 3}
    assert found.middle.low > 0
    assert found.peak_in_middle > 0.95
    assert not found.few
    for n, one in enumerate(found.depths):
        assert one.pearson.value == pytest.approx(np.corrcoef(changes[:, n], gains)[0, 1])
        assert one.spearman.value == pytest.approx(spearmanr(changes[:, n], gains).statistic)
        assert one.pearson.low < one.pearson.value < one.pearson.high


def test_nothing_planted_is_not_found():
    rng = np.random.default_rng(3)
    curves, changes, _ = drawn(60, 9, 3)
    found = found_of(curves, changes, rng.normal(size=60))
    assert found.middle.low < 0 < found.middle.high


def test_the_interval_covers_the_truth_about_as_often_as_it_says():
    # one layer, gain = change + noise of the same variance: rho = 1 / sqrt(2)
    hits, tries = 0, 120
    for seed in range(tries):
        rng = np.random.default_rng(seed)
        change = rng.normal(size=(40, 1))
        curves = [(np.array([0.0]), row) for row in change]
        one = found_of(curves, change, change[:, 0] + rng.normal(size=40), seed).depths[0].pearson
        hits += one.low <= 0.5**0.5 <= one.high
    assert 0.87 <= hits / tries <= 0.98


@pytest.mark.parametrize(("runs", "few", "interval"), [(4, True, False), (6, True, True), (12, False, True)])
def test_few_runs_are_told(runs, few, interval):
    found = found_of(*drawn(runs, 9, 1))
    assert found.few is few
    assert (found.depths[0].pearson.low is not None) is interval


def test_a_layer_that_does_not_vary_and_a_single_run_have_no_correlation():
    curves, changes, gains = drawn(12, 5, 1, planted=(2,))
    changes[:, 0] = 0.7
    found = found_of([(p, row) for (p, _), row in zip(curves, changes, strict=True)], changes, gains)
    assert found.depths[0].pearson.value is None
    assert found.depths[1].pearson.value is not None
    known = [one.pearson.value for one in found.depths]
    assert found.middle.value == pytest.approx(known[2] - np.mean([known[1], known[3], known[4]]))
    one = found_of(*(part[:1] for part in drawn(5, 9, 1)))
    assert (one.peak, one.whole.value) == (None, None)
    assert found_of(*(part[:3] for part in drawn(5, 9, 1))).depths[0].pearson.value is None  # of two, always 1 or -1


def test_models_of_different_depth_share_one_axis():
    shallow, deep = np.linspace(0, 1, 5), np.linspace(0, 1, 33)
    positions, changes = common_depths([(shallow, 2 * shallow), (deep, 2 * deep)])
    assert positions.tolist() == list(GRID)
    assert changes == pytest.approx(np.stack([2 * positions, 2 * positions]))


def test_the_same_seed_gives_the_same_answer():
    assert found_of(*drawn(20, 5, 1, planted=(2,)), seed=4) == found_of(*drawn(20, 5, 1, planted=(2,)), seed=4)
