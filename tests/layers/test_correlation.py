"""The correlation by depth: a planted truth is found, the bootstrap covers, few runs are marked, depths are shared.

Only runs of one budget are correlated, controls apart: the quickstart's own numbers, with and without the full pool.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import stats
from scipy.stats import spearmanr

from dataselect.cli import run
from dataselect.layers.correlation import GRID, TrainedOn, common_depths, correlate, groups


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


RUNS = json.loads((Path(__file__).parent / "quickstart_runs.json").read_text())
"""What a quickstart measured: 1,040 examples of the pool, 104 for every selection, the bundled model."""

FULL = "full-at-100pct-seed-0"
CANDIDATES = [
    f"{name}-at-10pct-seed-0" for name in ("longest", "ppl-low", "ppl-mid", "ppl-high", "ifd-high", "similarity")
]
CONTROLS = [f"random-at-10pct-seed-{seed}" for seed in range(3)] + ["length-matched-random-of-ppl-low-at-10pct-seed-0"]


def columns(names, task):
    """(n,) changes of the whole model and gains, and (n, 6) changes by layer."""
    kept = [one for one in RUNS if one["name"] in names]
    return (np.array([one[key] for one in kept]) for key in ("relative_change", "layers")), np.array(
        [one["gains"][task] for one in kept]
    )


def measured(names, task):
    (whole, layers), gains = columns(names, task)
    curves = [(np.linspace(0, 1, 6), row) for row in layers]
    return correlate(task, names, curves, whole, gains, 0)


@pytest.mark.parametrize(("task", "with_full"), [("dialogue (nll)", 0.70), ("instruction (nll)", 0.86)])
def test_one_run_of_ten_times_the_data_made_the_correlation(task, with_full):
    """The full pool: ten times the change and two to three times the gain of the others, so a line through two clumps."""
    everything = [one["name"] for one in RUNS]
    found = measured(everything, task)
    (whole, layers), gains = columns(everything, task)
    without = np.array([name != FULL for name in everything])
    for place, one in enumerate(found.depths):
        slow = np.corrcoef(layers[:, place], gains)[0, 1], np.corrcoef(layers[without, place], gains[without])[0, 1]
        assert one.pearson.value == pytest.approx(slow[0])
        assert one.pearson.value == pytest.approx(with_full, abs=0.03)
        assert one.pearson.leave_one_out.without == pytest.approx(slow[1])
        assert -0.895 < slow[1] < -0.635  # -0.64 to -0.89
        assert (one.pearson.leave_one_out.carried_by, one.pearson.leave_one_out.low) == (FULL, pytest.approx(slow[1]))
    assert found.whole.leave_one_out.without == pytest.approx(np.corrcoef(whole[without], gains[without])[0, 1])


def test_every_end_of_a_range_is_that_of_the_runs_without_one():
    names = [name for name in (one["name"] for one in RUNS) if name != FULL]
    found = measured(names, "arithmetic (nll)")
    (_, layers), gains = columns(names, "arithmetic (nll)")
    for place, one in enumerate(found.depths):
        for name, slow in (("pearson", np.corrcoef), ("spearman", stats.spearmanr)):
            values = []
            for left in range(len(names)):
                kept = [i for i in range(len(names)) if i != left]
                made = slow(layers[kept, place], gains[kept])
                values.append(made[0, 1] if name == "pearson" else made.statistic)
            left_out = getattr(one, name).leave_one_out
            assert (left_out.low, left_out.high) == pytest.approx((min(values), max(values)))


def test_the_quickstarts_runs_fall_into_strategies_controls_and_the_full_pool():
    trained = {one["name"]: TrainedOn(one["strategy"], one["budget"]) for one in RUNS}
    found = groups(trained, trained)
    assert [(one.name, one.controls, sorted(one.points)) for one in found] == [
        ("strategies at 104 examples", False, sorted(CANDIDATES)),
        ("controls at 104 examples", True, sorted(CONTROLS)),
        ("full", True, [FULL]),
    ]


def test_seeds_of_a_strategy_are_one_point_and_random_draws_are_several():
    trained = {
        "a-0": TrainedOn("ppl-low", "10 examples"), "a-1": TrainedOn("ppl-low", "10 examples"),
        "b-0": TrainedOn("ppl-low", "20 examples"), "c": TrainedOn("longest", "10 examples"),
        "r-0": TrainedOn("random", "10 examples"), "r-1": TrainedOn("random", "10 examples"),
        "l": TrainedOn("length-matched-random:ppl-low", "10 examples"), "u": TrainedOn(), "v": TrainedOn(),
    }  # fmt: skip
    assert {one.name: dict(one.points) for one in groups(trained, trained)} == {
        "strategies at 10 examples": {"ppl-low": ("a-0", "a-1"), "c": ("c",)},
        "strategies at 20 examples": {"b-0": ("b-0",)},
        "controls at 10 examples": {"r-0": ("r-0",), "r-1": ("r-1",), "l": ("l",)},
        "runs of no recorded budget": {"u": ("u",), "v": ("v",)},
    }


@pytest.fixture
def models(tmp_path, write_model, random_weights):
    """A base, and models whose layers are moved as far as those of the quickstart's."""
    base = random_weights(6)
    write_model(tmp_path / "base", base)
    for one in RUNS:
        draw = torch.Generator().manual_seed(0)
        tuned = {
            name: tensor + one["layers"][int(name.split(".")[2]) if ".layers." in name else 0]
            * tensor * torch.randn(tensor.shape, generator=draw) for name, tensor in base.items()
        }  # fmt: skip
        write_model(tmp_path / one["name"], tuned)
    return tmp_path


def table(folder, columns, value):
    lines = [
        ",".join(columns),
        *(",".join(str(value(one, column)).replace(",", "") for column in columns) for one in RUNS),
    ]
    (folder / "gains.csv").write_text("\n".join(lines) + "\n")
    return folder / "gains.csv"


def value(one, column):
    return {"run": one["name"], "instruction": one["gains"]["instruction (nll)"]}.get(column) or one[column]


def test_a_table_with_budgets_keeps_the_full_pool_out_and_without_them_it_is_told(models, capsys):
    every = [str(models / one["name"]) for one in RUNS]
    gains = table(models, ["run", "strategy", "budget", "instruction"], value)
    assert run(["layers", str(models / "base"), *every, "--gains", str(gains), "--out", str(models / "out")]) == 0
    document = json.loads((models / "out" / "layers.json").read_text())
    (found,) = document["correlations"]  # four controls are too few for an interval
    assert (found["group"], sorted(found["runs"])) == ("strategies at 104 examples", sorted(CANDIDATES))
    assert {one["group"]: sorted(one["runs"]) for one in found["apart"]} == {
        "controls at 104 examples": sorted(CONTROLS), "full": [FULL],
    }  # fmt: skip
    assert found["gains"].keys() == set(CANDIDATES)
    page = (models / "out" / "layers.html").read_text()
    assert "Correlation with instruction over 6 runs, strategies at 104 examples" in page
    assert f"Apart (full): {FULL}." in page

    gains = table(models, ["run", "instruction"], value)
    capsys.readouterr()
    assert run(["layers", str(models / "base"), *every, "--gains", str(gains), "--out", str(models / "all")]) == 0
    told = " ".join(capsys.readouterr().out.replace("\n", " ").split())
    (one,) = json.loads((models / "all" / "layers.json").read_text())["correlations"]
    assert (one["group"], len(one["runs"])) == ("runs of no recorded budget", 11)
    assert one["whole"]["value"] > 0.7
    assert one["whole"]["leave_one_out"]["without"] < -0.5
    assert f"Warning: {FULL} alone carries" in told
    assert f"Warning: {FULL} alone carries" in (models / "all" / "layers.html").read_text()


def test_a_mean_of_seeds_is_correlated_as_one_point(models):
    """Of eleven runs called five strategies, the correlation is that of the five means."""

    def strategy(one, column):
        place = [other["name"] for other in RUNS].index(one["name"])
        return {"strategy": f"s{place % 5}", "budget": "104"}.get(column) or value(one, column)

    gains = table(models, ["run", "strategy", "budget", "instruction"], strategy)
    every = [str(models / one["name"]) for one in RUNS]
    assert run(["layers", str(models / "base"), *every, "--gains", str(gains), "--out", str(models / "out")]) == 0
    document = json.loads((models / "out" / "layers.json").read_text())
    (one,) = document["correlations"]
    changes = np.array([[layer["relative_change"] for layer in one["layers"]] for one in document["runs"]])
    gained = np.array([run["gains"]["instruction (nll)"] for run in RUNS])
    means = [(changes[i::5].mean(axis=0), gained[i::5].mean()) for i in range(5)]
    for place, depth in enumerate(one["depths"]):
        slow = np.corrcoef([change[place] for change, _ in means], [gain for _, gain in means])[0, 1]
        assert depth["pearson"]["value"] == pytest.approx(slow)
    assert [len(runs) for runs in one["points"].values()] == [3, 2, 2, 2, 2]
    assert sum(one["gains"].values()) == pytest.approx(gained.sum())
