"""Who is drawn, how well intervals cover, and that the permutation test keeps its level."""

from __future__ import annotations

import numpy as np
import pytest

from dataselect.comparison.bootstrap import named_generator, percentile_interval
from dataselect.run_analysis.association import associations
from dataselect.run_analysis.coefficients import coefficients
from dataselect.run_analysis.grid import Grid
from dataselect.run_analysis.permutation import PermutationTest, p_values
from dataselect.run_analysis.run_table import TaskColumn
from dataselect.run_analysis.uncertainty import crossed_counts, drawn_counts


def test_a_run_is_held_as_often_as_its_model_times_its_data_set():
    models, datasets = np.repeat(np.arange(3), 4), np.tile(np.arange(4), 3)
    held = crossed_counts(models, datasets, 500, np.random.default_rng(0)).reshape(500, 3, 4)
    assert np.array_equal(np.linalg.matrix_rank(held), np.ones(500))  # an outer product
    assert np.array_equal(held.sum(axis=(1, 2)), np.full(500, 12.0))
    assert held.mean(axis=0) == pytest.approx(np.ones((3, 4)), abs=0.3)


def test_a_single_model_is_always_held_once():
    held = crossed_counts(np.zeros(5, dtype=int), np.arange(5), 50, np.random.default_rng(0))
    assert np.array_equal(held.sum(axis=1), np.full(50, 5.0))


def test_no_interval_where_one_draw_in_twenty_gives_no_number():
    draws = np.linspace(0, 1, 100)
    assert percentile_interval(draws).low == pytest.approx(0.025)
    draws[:6] = np.nan
    assert percentile_interval(draws) is None


def test_draws_do_not_depend_on_what_else_is_computed():
    assert named_generator(0, "a", "b").integers(1 << 30) == named_generator(0, "a", "b").integers(1 << 30)
    assert named_generator(0, "a", "b").integers(1 << 30) != named_generator(0, "ab").integers(1 << 30)


def test_intervals_over_ten_data_sets_cover_somewhat_too_seldom():
    rng = np.random.default_rng(5)
    rho, held = 0.5, {"Pearson": 0, "Kendall": 0}
    truth = {"Pearson": rho, "Kendall": 2 / np.pi * np.arcsin(rho)}
    for _ in range(400):
        x = rng.normal(size=10)
        y = rho * x + np.sqrt(1 - rho**2) * rng.normal(size=10)
        found = coefficients(x, y, drawn_counts(10, 300, rng)).named
        for name, value in truth.items():
            interval = percentile_interval(found[name])
            held[name] += interval is not None and interval.low <= value <= interval.high
    assert 0.85 <= held["Pearson"] / 400 <= 0.95
    assert 0.85 <= held["Kendall"] / 400 <= 0.97


def test_the_permutation_test_keeps_its_level_when_models_share_data_sets():
    """Scores hang on the data set, the property on nothing: correlating the 50 runs one by one would reject often."""
    rng = np.random.default_rng(2)
    rejected = 0
    for _ in range(300):
        x = np.tile(rng.normal(size=10), (5, 1))
        y = np.tile(rng.normal(size=10), (5, 1)) + 0.2 * rng.normal(size=(5, 10))
        rejected += p_values([PermutationTest.of(x, y)], 0.05, 199, 0)[0].p <= 0.05
    assert 0.02 <= rejected / 300 <= 0.09


def grid_of(x, y, baseline=None):
    models, datasets = (tuple(f"{letter}{i}" for i in range(n)) for letter, n in zip("md", x.shape, strict=True))
    base = np.full((1, len(models)), np.nan) if baseline is None else np.array([baseline])
    return Grid("all", models, datasets, (TaskColumn("score"),), y[None], base, np.ones(x.shape, dtype=int), {"ppl": x})


def test_a_wrong_baseline_moves_the_pooled_numbers_and_no_others(config):
    rng = np.random.default_rng(3)
    x = rng.normal(size=(4, 8))
    y = x + rng.normal(size=(4, 8))
    made = config(properties={"ppl": {}}, resamples=100)
    good, bad = (associations([grid_of(x, y, base)], made) for base in (np.zeros(4), np.array([0.0, 0, 50, 0])))
    for one, other in zip(good, bad, strict=True):
        assert (one == other) == (one.scope != "pooled")
    assert good[-2].scope == "pooled"
    assert good[-2].needs_baseline
