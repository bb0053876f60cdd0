"""Gains, centred scores and the mean over tasks, by hand; and that a baseline cannot touch what is centred."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from dataselect.run_analysis.grid import centred, make_grid, make_grids, mean_standardised
from dataselect.run_analysis.run_table import OVERALL


def row(model, data, score, method="a", **more):
    return {"model": model, "data": data, "method": method, "score": score, **more}


ROWS = [
    row("m", "none", 10), row("m", "x", 12), row("m", "y", 16),
    row("n", "none", 50), row("n", "x", 40), row("n", "x", 44), row("n", "y", 60),
]  # fmt: skip


def test_gain_and_centred_by_hand(read, config):
    made = config(conditions=["method"], baseline={"data": "none"})
    (grid,) = make_grids(read(ROWS, made), made)
    assert grid.scores[0].tolist() == [[12, 16], [42, 60]]  # two runs of n on x are averaged
    assert grid.runs.tolist() == [[1, 1], [2, 1]]
    assert grid.gains[0].tolist() == [[2, 6], [-8, 10]]
    assert grid.centred[0].tolist() == [[-2, 2], [-9, 9]]


def test_a_lower_metric_is_turned(read, config):
    made = config({"score": {"direction": "lower"}}, conditions=["method"], baseline={"data": "none"})
    (grid,) = make_grids(read(ROWS, made), made)
    assert grid.gains[0].tolist() == [[-2, -6], [8, -10]]


def test_methods_are_apart_and_absent_ones_left_out(read, config):
    made = config(conditions=["method"], methods={"A": {"method": "a"}, "B": {"method": "b"}})
    assert [grid.method for grid in make_grids(read(ROWS, made), made)] == ["A"]


def test_a_hole_is_no_zero(read, config):
    made = config(conditions=["method"])
    grid = make_grid(read([*ROWS[1:3], row("n", "x", 5)], made), made, "all", {})
    assert grid.centred[0, 1].tolist() == pytest.approx([0, np.nan], nan_ok=True)


def test_the_mean_over_tasks_by_hand(read, config):
    rows = [row("m", "x", 1, b=100), row("m", "y", 3, b=300), row("m", "z", 5, b=200)]
    (grid,) = make_grids(read(rows, made := config(("score", "b"), conditions=["method"])), made)
    # centred -2 0 2 and -100 100 0; spreads sqrt(8/3) and sqrt(20000/3)
    a, b = np.array([-2, 0, 2]) / np.sqrt(8 / 3), np.array([-100, 100, 0]) / np.sqrt(20000 / 3)
    assert grid.tasks[-1].name == OVERALL
    assert grid.scores[-1, 0] == pytest.approx((a + b) / 2)


def test_a_task_that_is_the_same_everywhere_does_not_count():
    values = np.array([[[-1.0, 1.0]], [[0.0, 0.0]]])
    assert mean_standardised(values)[0].tolist() == [-1, 1]


@given(arrays(float, (3, 5), elements=st.floats(-100, 100)), arrays(float, (3, 1), elements=st.floats(-100, 100)))
def test_centring_removes_whatever_baseline(scores, baseline):
    assert centred(scores - baseline) == pytest.approx(centred(scores), abs=1e-9)
