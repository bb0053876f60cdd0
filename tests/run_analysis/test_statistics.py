"""Best and worst, agreement, left-out models, pairs and curves: each by hand or by another route on a tiny table."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from dataselect.errors import ConfigError
from dataselect.run_analysis.agreement import agreements
from dataselect.run_analysis.curves import curves
from dataselect.run_analysis.extremes import extremes
from dataselect.run_analysis.grid import Grid
from dataselect.run_analysis.leave_one_out import predictions
from dataselect.run_analysis.paired_comparisons import paired_comparisons
from dataselect.run_analysis.run_table import TaskColumn
from dataselect.run_analysis.uncertainty import mean_over


def grid_of(scores, baseline=None, **properties):
    scores = np.array(scores, dtype=float)
    models, datasets = (tuple(f"{letter}{i}" for i in range(n)) for letter, n in zip("md", scores.shape, strict=True))
    base = np.full((1, len(models)), np.nan) if baseline is None else np.array([baseline], dtype=float)
    found = {name: np.array(values, dtype=float) for name, values in properties.items()}
    return Grid("all", models, datasets, (TaskColumn("t"),), scores[None], base, np.isfinite(scores).astype(int), found)


def test_a_mean_is_that_of_the_t_test():
    found = mean_over(np.array([1.0, 2.0, np.nan, 6.0]))
    reference = stats.ttest_1samp([1, 2, 6], 0)
    assert (found.n, found.estimate, found.p) == (3, 3.0, pytest.approx(reference.pvalue))
    assert [found.ci_low, found.ci_high] == pytest.approx(list(reference.confidence_interval()))
    assert mean_over(np.array([np.nan])).estimate is None
    assert mean_over(np.array([4.0])).ci_low is None


def test_best_and_worst_by_hand():
    (found,) = extremes(grid_of([[1, 2, 6], [10, 14, 12], [0, 0, 3], [5, np.nan, 9]], baseline=[0, 10, 0, 0]), {})
    # centred: -2 -1 3 | -2 2 0 | -1 -1 2; the fourth model lacks d1
    assert found.left_out == ("m3",)
    assert [(e.dataset, e.effect.estimate) for e in found.effects] == [
        ("d2", pytest.approx(5 / 3)), ("d1", pytest.approx(0)), ("d0", pytest.approx(-5 / 3)),
    ]  # fmt: skip
    assert (found.effects[0].dataset, found.effects[-1].dataset) == ("d2", "d0")
    assert [e.best_in for e in found.effects] == [2, 1, 0]
    assert [e.worst_in for e in found.effects] == [0, 1, 3]  # m2 has two worst
    assert found.lead.estimate == pytest.approx(np.mean([4, -2, 3]))
    assert found.effects[0].gain.estimate == pytest.approx(np.mean([6, 2, 3, 9]))


def test_gains_leave_out_what_rests_on_a_suspicious_baseline():
    (found,) = extremes(grid_of([[1, 2], [3, 5]], baseline=[0, 100]), {("m1", "t"): "copied"})
    best = found.effects[0]
    assert best.trusted_gain.estimate == 2
    assert best.gain.estimate == pytest.approx((2 - 95) / 2)


def test_agreement_by_another_route(config):
    rng = np.random.default_rng(0)
    scores = rng.normal(size=6) + 0.5 * rng.normal(size=(3, 6)) + [[0], [9], [-4]]
    (found,) = agreements([grid_of(scores)], config())
    pairs = [(0, 1), (0, 2), (1, 2)]
    pearson = [stats.pearsonr(scores[a], scores[b]).statistic for a, b in pairs]
    assert [pair.pearson for pair in found.pairs] == pytest.approx(pearson)
    assert found.pearson.estimate == pytest.approx(np.mean(pearson))
    assert found.pearson.ci_low <= found.pearson.estimate <= found.pearson.ci_high
    # two-way layout, written as a regression on dummies
    m, d = np.indices(scores.shape).reshape(2, -1)
    designs = [np.eye(3)[m], np.hstack([np.eye(3)[m], np.eye(6)[d]])]
    rest = [np.sum((scores.ravel() - x @ np.linalg.lstsq(x, scores.ravel(), rcond=None)[0]) ** 2) for x in designs]
    assert found.general_share == pytest.approx(1 - rest[1] / rest[0])
    f = ((rest[0] - rest[1]) / 5) / (rest[1] / 10)
    assert found.p == pytest.approx(stats.f.sf(f, 5, 10))
    assert found.by_chance == pytest.approx(1 / 3)


def test_noise_alone_has_the_general_share_of_chance(config):
    rng = np.random.default_rng(1)
    shares = [
        agreements([grid_of(rng.normal(size=(4, 6)))], config(resamples=100))[0].general_share for _ in range(150)
    ]
    assert np.mean(shares) == pytest.approx(1 / 4, abs=0.03)


def test_models_that_agree_entirely(config):
    (found,) = agreements([grid_of([np.arange(6), np.arange(6) + 100, np.arange(6) - 7])], config())
    assert (found.pearson.estimate, found.general_share) == (1.0, pytest.approx(1.0))
    assert found.p == pytest.approx(0, abs=1e-12)


def test_a_left_out_model_by_hand(config):
    scores = np.array([[1.0, 2, 3], [2, 4, 6], [0, 3, 3]])
    found = {(p.predictor, p.target): p for p in predictions(grid_of(scores, [0, 0, 0]), config())}
    centred = scores - scores.mean(axis=1, keepdims=True)
    errors = [centred[i] - np.delete(centred, i, axis=0).mean(axis=0) for i in range(3)]
    one = found["data set", "centred score"]
    assert one.rmse == pytest.approx(np.sqrt(np.mean(np.square(errors))))
    assert one.rmse_without == pytest.approx(np.sqrt(np.mean(centred**2)))
    assert one.skill == pytest.approx(1 - np.sum(np.square(errors)) / np.sum(centred**2))
    assert one.ci_low is None  # three models support no interval
    gain = found["data set", "gain"]
    yardstick = [scores[i] - np.delete(scores, i, axis=0).mean() for i in range(3)]
    assert gain.rmse_without == pytest.approx(np.sqrt(np.mean(np.square(yardstick))))


def test_a_property_that_tells_all_has_skill_one_and_noise_has_none(config):
    rng = np.random.default_rng(0)
    x = np.tile(rng.normal(size=8), (6, 1)) + 0.1 * rng.normal(size=(6, 8))
    levels = rng.normal(size=(6, 1)) * 10
    found = {
        p.predictor: p for p in predictions(grid_of(2 * x + levels, ppl=x, noise=rng.normal(size=(6, 8))), config())
    }
    assert found["ppl"].skill == pytest.approx(1)
    assert found["all properties"].skill == pytest.approx(1)
    assert found["noise"].skill < 0.1
    assert {p.target for p in predictions(grid_of(x), config())} == {"centred score"}  # no baseline, no gain


def test_the_regression_is_that_of_least_squares(config):
    rng = np.random.default_rng(4)
    x, y = rng.normal(size=(2, 4, 5))
    one = next(
        p for p in predictions(grid_of(y, [0, 0, 0, 0], ppl=x), config()) if (p.predictor, p.target) == ("ppl", "gain")
    )
    squared = 0.0
    for left in range(4):
        others = [i for i in range(4) if i != left]
        slope, intercept = np.polyfit(x[others].ravel(), y[others].ravel(), 1)
        errors = y[left] - slope * x[left] - intercept
        assert one.models[left].rmse == pytest.approx(np.sqrt(np.mean(errors**2)))
        squared += np.sum(errors**2)
    assert one.rmse == pytest.approx(np.sqrt(squared / 20))


def paired_rows():
    return [
        {"model": m, "data": d, "method": method, "seed": seed, "score": score}
        for m, d, method, seed, score in [
            ("m", "x", "full", 0, 10), ("m", "x", "lora", 0, 13), ("m", "y", "full", 0, 20), ("m", "y", "lora", 0, 21),
            ("n", "x", "full", 0, 5), ("n", "x", "lora", 0, 10), ("n", "y", "full", 0, 7), ("n", "y", "lora", 0, 10),
            ("n", "z", "lora", 0, 99),  # has no partner
        ]
    ]  # fmt: skip


def test_pairs_by_hand(read, config):
    pair = {"column": "method", "first": "full", "second": "lora"}
    made = config(conditions=["method", "seed"], comparisons={"L": pair})
    (found,) = paired_comparisons(read(paired_rows(), made), made)
    assert (found.n, found.positive) == (4, 4)
    assert found.estimate == pytest.approx((3 + 1 + 5 + 3) / 4)
    models = stats.ttest_1samp([2, 4], 0)  # means of m and n
    datasets = stats.ttest_1samp([4, 2], 0)  # means of x and y
    assert found.over_models.p == pytest.approx(models.pvalue)
    assert [found.over_datasets.ci_low, found.over_datasets.ci_high] == pytest.approx(
        list(datasets.confidence_interval())
    )
    assert found.p == pytest.approx(max(models.pvalue, datasets.pvalue))
    around = np.array([-6, 4, -3, 5, -3, -1, 2, 2])  # m around 16, n around 8
    assert found.unit == pytest.approx(np.sqrt(np.mean(around**2)))


def test_a_loss_is_turned_and_seeds_are_paired(read, config):
    pair = {"column": "method", "first": "full", "second": "lora"}
    rows = paired_rows() + [row | {"seed": 1, "score": row["score"] + 1} for row in paired_rows()]
    made = config({"score": {"direction": "lower"}}, conditions=["method", "seed"], comparisons={"L": pair})
    (found,) = paired_comparisons(read(rows, made), made)
    assert (found.n, found.positive) == (8, 0)
    assert found.estimate == pytest.approx(-3)


def test_a_curve_by_hand(read, config):
    scores = {"m": [1, 4, 3], "n": [10, 11, 16], "o": [5, None, 6]}
    rows = [
        {"model": m, "data": "all", "epoch": epoch, "score": "" if score is None else score}
        for m, values in scores.items()
        for epoch, score in zip((1, 2, 10), values, strict=True)
    ]
    made = config(conditions=["epoch"], curves={"c": {"x": "epoch"}})
    (found,) = curves(read(rows, made), made)
    assert (found.models, found.left_out, found.best_x, found.runs) == (("m", "n"), ("o",), 10.0, 9)
    assert [point.change.estimate for point in found.points] == [0, 2, 4]
    assert [point.score for point in found.points] == [5.5, 7.5, 9.5]
    assert found.points[2].change.p == pytest.approx(stats.ttest_1samp([2, 6], 0).pvalue)


def test_a_curve_along_words_is_refused(read, config):
    rows = [{"model": "m", "data": "d", "epoch": "last", "score": 1}]
    made = config(conditions=["epoch"], curves={"c": {"x": "epoch"}})
    with pytest.raises(ConfigError, match="holds something else than numbers"):
        curves(read(rows, made), made)
