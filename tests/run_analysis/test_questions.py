"""What is corrected over what, when nothing could have been shown, and what one data set or model carries."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from dataselect.comparison.runs import Run
from dataselect.run_analysis.association import association_sides, below, corrected_tests
from dataselect.run_analysis.association_section import association_sentence, question_sentence
from dataselect.run_analysis.config import read_config
from dataselect.run_analysis.experiment_table import budget_methods, selection_name
from dataselect.run_analysis.grid import make_grids
from dataselect.run_analysis.reading import read_table
from dataselect.run_analysis.run_table import OVERALL

ROOT = Path(__file__).resolve().parents[2]
PROPERTIES = {"ppl": {}, "length": {}}


def slow_holm(values):
    """Step by step: the k-th smallest of m, times m - k + 1, never below an earlier one."""
    corrected, least = [0.0] * len(values), 0.0
    for k, place in enumerate(np.argsort(values, kind="stable")):
        least = max(least, min(1.0, (len(values) - k) * values[place]))
        corrected[place] = least
    return corrected


@pytest.fixture
def found(analysed, config, planted):
    made = config(("score", "other"), properties=PROPERTIES, baseline={"data": "none"}, resamples=100)
    rows = [row | {"other": float(row["score"]) ** 2} for row in planted(slope=-1.0)]
    return analysed(rows, made)


def test_each_scope_is_corrected_over_its_own_tests(found):
    # 6 models, 2 properties, 2 tasks and the mean over both: 2 * 3 centred, 6 * 2 * 3 of one model; gains have no mean
    asked = {one["scope"]: one for one in found.document["questions"]}
    assert {scope: one["tests"] for scope, one in asked.items()} == {"centred": 6, "one model": 36, "pooled": 4}
    for scope, one in asked.items():
        mine = [a for a in found.associations if a.scope == scope and a.p is not None]
        assert [a.p_holm for a in mine] == pytest.approx(slow_holm([a.p for a in mine]))
        assert {a.tests for a in mine} == {len(mine)}
        assert one["shown"] == sum(a.p_holm < 0.05 for a in mine) == sum(a.verdict == "relation" for a in mine)
    assert found.tests["associations"] == 6 + 36 + 4


def test_another_question_changes_no_p(found, analysed, config, planted):
    made = config(("score", "other"), properties=PROPERTIES, resamples=100)
    rows = [row | {"other": float(row["score"]) ** 2} for row in planted(slope=-1.0) if row["data"] != "none"]
    without_pooled = analysed(rows, made)
    for scope in ("centred", "one model"):
        both = [[a.p_holm for a in one.associations if a.scope == scope] for one in (found, without_pooled)]
        assert both[0] == both[1]


def five(config, analysed, tasks):
    """One model, five data sets, and as many tasks, each in the order of the property: as close as it can be."""
    names = [f"t{i}" for i in range(tasks)]
    rows = [{"model": "m", "data": f"d{d}", "ppl": d, **{name: 2 * d + 1 for name in names}} for d in range(5)]
    overall = {name: {"overall": False} for name in names}
    return analysed(rows, config(overall, properties={"ppl": {}}, resamples=100))


@pytest.mark.parametrize(
    ("tasks", "verdict", "least"),
    [(2, "relation", 2 * 2 / 120), (3, "none could be shown", 3 * 2 / 120), (9, "none could be shown", 9 * 2 / 120)],
)
def test_where_nothing_could_be_shown_it_is_not_called_no_relation(config, analysed, tasks, verdict, least):
    # 5! = 120 orders, of which the order itself and its reverse are farthest: p is 2 / 120 = 0.0167 at best, and below
    # 0.05 after Holm over 2 tests (0.033), not over 3 (0.05)
    found = five(config, analysed, tasks)
    for one, sentence in zip(
        found.associations, map(association_sentence, found.document["associations"]), strict=True
    ):
        assert (one.p, one.verdict) == (2 / 120, verdict)
        assert one.p_least == one.p_holm == pytest.approx(least)
        assert ("no relation" in sentence, "nothing could be shown here" in sentence) == (False, verdict != "relation")
    asked = question_sentence(found.document["questions"][0])
    assert ("none could have held" in asked) == (verdict != "relation")
    if verdict != "relation":
        # 3 * 2 / 6! = 0.0083 and 9 * 2 / 6! = 0.025 are below 0.05: six data sets are enough for both
        assert (one.needed_datasets, one.allowed_tests) == (6, 2)
        assert "6 data sets that all differ would be enough, or these among at most 2 tests" in sentence


def test_a_property_of_one_data_set_alone_can_show_nothing(config, analysed):
    # one of 8 data sets has it: 8 orders, and the first and the last are farthest: p is 1/4 at best, not even alone
    rows = [{"model": "m", "data": f"d{d}", "score": d, "ppl": int(d == 7)} for d in range(8)]
    (one,) = analysed(rows, config(properties={"ppl": {}})).associations
    assert (one.p, one.p_least, one.verdict, one.permutations, one.exact) == (
        0.25, 0.25, "none could be shown", 8, True,
    )  # fmt: skip
    assert (one.allowed_tests, one.needed_datasets) == (0, 8)


def test_no_relation_shown_says_what_would_have_been(config, analysed):
    order = [3, 0, 5, 1, 6, 2, 4]
    rows = [{"model": "m", "data": f"d{d}", "score": score, "ppl": d} for d, score in enumerate(order)]
    (one,) = (found := analysed(rows, config(properties={"ppl": {}}))).associations
    # two-sided 5 % of Spearman with 7 pairs: 0.786 (the tables' critical value)
    assert one.shown_from == pytest.approx(0.786, abs=0.001)
    assert "a Spearman of 0.79 or farther from 0 would have been" in association_sentence(
        found.document["associations"][0]
    )


def test_a_single_coefficient_goes_with_its_range_without_one_data_set_or_model(found, planted):
    rows = [row for row in planted(slope=-1.0) if row["data"] != "none"]
    x, y = (np.array([float(row[name]) for row in rows]).reshape(6, 10) for name in ("ppl", "score"))

    def slow(f, model, left):
        """Centred anew over what is left; of one model as it is."""
        rest = [np.delete(side, left[1], axis=left[0]) for side in (x, y)]
        if model is None:
            rest = [side - side.mean(axis=1, keepdims=True) for side in rest]
        return f(*(side.round(9).ravel() for side in rest)).statistic

    one = next(a for a in found.associations if (a.scope, a.property, a.task) == ("centred", "ppl", "score"))
    lefts = [(1, d) for d in range(10)] + [(0, m) for m in range(6)]
    for name, f in (("Pearson", stats.pearsonr), ("Spearman", stats.spearmanr), ("Kendall", stats.kendalltau)):
        values = [slow(f, None, left) for left in lefts]
        left_out = one.get(name).leave_one_out
        assert (left_out.low, left_out.high) == pytest.approx((min(values), max(values)), abs=1e-7)
    single = next(a for a in found.associations if (a.model, a.property, a.task) == ("m2", "ppl", "score"))
    values = [stats.spearmanr(np.delete(x[2], d), np.delete(y[2], d)).statistic for d in range(10)]
    left_out = single.get("Spearman").leave_one_out
    assert (left_out.low, left_out.high) == pytest.approx((min(values), max(values)))


def test_a_data_set_that_carries_a_coefficient_is_named(config, analysed):
    # nine data sets fall, the tenth is far above all in both: Pearson is high with it and -1 without
    rows = [{"model": "m", "data": f"d{d}", "score": -d, "ppl": d} for d in range(9)]
    rows.append({"model": "m", "data": "far", "score": 500, "ppl": 500})
    found = analysed(rows, config(properties={"ppl": {}}, resamples=100))
    left_out = found.associations[0].get("Pearson").leave_one_out
    assert found.associations[0].get("Pearson").estimate > 0.9
    assert (left_out.carried_by, left_out.without) == ("far", pytest.approx(-1))
    spearman = found.associations[0].get("Spearman")
    assert spearman.estimate == pytest.approx(stats.spearmanr([*range(9), 500], [*range(0, -9, -1), 500]).statistic)
    sentence = association_sentence(found.document["associations"][0])
    assert (spearman.leave_one_out.carried_by == "far") == ("warning: far alone carries it" in sentence)


def run_of(strategy, budget=10, seed=0):
    return Run(strategy, budget, "examples", seed, seed, None, None, Path(), ())


def test_an_experiment_is_analysed_within_one_budget_controls_apart_and_seeds_together():
    runs = [run_of("untrained", 0), run_of("full", 100), run_of("full", 100, 1)]
    for budget in (10, 20):
        runs += [run_of(name, budget, seed) for name in ("ppl-low", "longest") for seed in range(3)]
        runs += [
            run_of(name, budget, seed) for name in ("random", "length-matched-random:ppl-low") for seed in range(2)
        ]
    made = budget_methods(runs)
    assert list(made) == ["10 examples", "random controls, 10 examples", "20 examples", "random controls, 20 examples"]
    assert made["10 examples"] == {"budget": 10, "unit": "examples", "strategy": ["longest", "ppl-low"]}
    assert made["random controls, 20 examples"]["strategy"] == ["length-matched-random:ppl-low", "random"]
    assert len({selection_name(run) for run in runs if run.strategy == "ppl-low"}) == 2  # one a budget
    assert len({selection_name(run) for run in runs if run.strategy == "random"}) == 4


def test_one_selection_a_budget_is_not_analysed_across_budgets():
    made = budget_methods([run_of("full", 100), run_of("ppl-low", 10), run_of("ppl-low", 20), run_of("random", 20)])
    assert list(made) == ["10 examples", "20 examples", "random controls, 20 examples"]


@pytest.fixture(scope="module")
def published(shared_data):
    config = read_config(ROOT / "configs" / "massive_sft.yaml")
    table = read_table(shared_data / "gold" / "massive_sft__evaluation_result.csv", config, ROOT)
    return make_grids(table, config), config


def answered(grids, config, scope):
    """Task and answer of every test of a question, without intervals."""
    pairs = [
        (one, test) for grid in grids for one in association_sides(grid) if one.scope == scope and (test := one.test)
    ]
    return [
        (one, answer)
        for (one, _), answer in zip(pairs, corrected_tests([test for _, test in pairs], config), strict=True)
    ]


def made_of_the_outcome(grid, noise, rng):
    row = [task.name for task in grid.tasks].index(OVERALL)
    values = grid.scores[row] + noise * rng.normal(size=grid.scores[row].shape)
    return replace(grid, properties={"made": values})


def test_a_property_made_of_the_outcome_is_shown_on_the_published_table_and_a_shuffled_one_is_not(published):
    """benchmarks/analyze_shuffles.py does the same 200 times."""
    grids, config = published
    rng = np.random.default_rng(0)
    made = [made_of_the_outcome(grid, 0.25, rng) for grid in grids]
    found = answered(made, config, "centred")
    assert len(found) == 60
    for one, answer in found:
        if one.task == OVERALL:
            assert 0.85 < one.test.found < 0.97
            assert answer.p_holm < 0.01
    # 24,000 = 400 * 60 permutations at most: 60 / 24,001 is the smallest p after Holm
    assert min(answer.p_holm for _, answer in found) == pytest.approx(60 / 24_001)

    singles = answered(made, config, "one model")
    assert len(singles) > 600
    assert any(below(answer.p_holm) for one, answer in singles if one.task == OVERALL)

    false = 0
    for _ in range(12):
        order = rng.permutation(10)
        shuffled = [replace(one, properties={"made": one.properties["made"][:, order]}) for one in made]
        false += any(below(answer.p_holm) for _, answer in answered(shuffled, config, "centred"))
    assert false <= 3  # of 12 at 5 %: 4 or more in 0.2 % of all seeds
    assert math.isclose(stats.binom.sf(3, 12, 0.05), 0.00224, abs_tol=1e-4)
