"""Planted relations are found, absent ones are not, and too little data gives words instead of numbers."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from dataselect.run_analysis.association_section import association_sentence

PROPERTIES = {"ppl": {}, "length": {}}


def pick(found, scope, property_="ppl", model=None):
    return next(a for a in found.associations if (a.scope, a.property, a.model) == (scope, property_, model))


@pytest.fixture
def found(analysed, config, planted):
    made = config(properties=PROPERTIES, baseline={"data": "none"}, control="length")
    return analysed(planted(slope=-1.0), made)


def test_a_planted_slope_is_found_and_the_independent_property_is_not(found):
    for scope, model in (("centred", None), ("one model", "m0")):
        one = pick(found, scope, model=model)
        spearman = one.get("Spearman")
        assert spearman.estimate < -0.8
        assert spearman.ci_high < 0
        assert one.p < 0.01
        other = pick(found, scope, "length", model)
        assert other.p > 0.05
        assert other.get("Spearman").ci_low < 0 < other.get("Spearman").ci_high
    assert pick(found, "centred").p_holm < 0.05 < pick(found, "centred", "length").p_holm


def test_models_of_different_levels_hide_it_only_from_plain_scores(found, planted):
    rows = [row for row in planted(slope=-1.0) if row["data"] != "none"]
    raw = stats.pearsonr(*([float(row[name]) for row in rows] for name in ("ppl", "score"))).statistic
    assert abs(raw) < 0.5
    assert pick(found, "centred").get("Pearson").estimate < -0.9
    assert pick(found, "pooled").get("Pearson").estimate < -0.9  # gains, since the baselines here are right


def test_every_estimate_is_scipys(found, planted):
    rows = [row for row in planted(slope=-1.0) if row["data"] != "none"]
    x, y, z = (np.array([float(row[name]) for row in rows]).reshape(6, 10) for name in ("ppl", "score", "length"))
    one = pick(found, "one model", model="m2")
    assert [e.estimate for e in one.estimates[:3]] == pytest.approx(
        [f(x[2], y[2]).statistic for f in (stats.pearsonr, stats.spearmanr, stats.kendalltau)]
    )
    centred = [(v - v.mean(axis=1, keepdims=True)).ravel() for v in (x, y, z)]
    one = pick(found, "centred")
    assert one.get("Kendall").estimate == pytest.approx(stats.kendalltau(centred[0].round(9), centred[1]).statistic)
    rest = [v - np.polyval(np.polyfit(centred[2], v, 1), centred[2]) for v in centred[:2]]
    assert one.get("Pearson", "length").estimate == pytest.approx(np.corrcoef(*rest)[0, 1])
    assert (one.n, one.n_models, one.n_datasets) == (60, 6, 10)


def test_length_that_tells_both_leaves_nothing_given_length(analysed, config):
    rng = np.random.default_rng(0)
    length = rng.normal(size=40)
    rows = [
        {"model": "m", "data": f"d{i}", "score": z + 0.3 * rng.normal(), "ppl": z + 0.3 * rng.normal(), "length": z}
        for i, z in enumerate(length)
    ]
    one = pick(analysed(rows, config(properties=PROPERTIES, control="length")), "one model", model="m")
    assert one.get("Pearson").estimate > 0.8
    given = one.get("Pearson", "length")
    assert abs(given.estimate) < 0.4
    assert given.ci_low < 0 < given.ci_high


def test_a_direction_turns_the_sign_for_a_loss(analysed, config, planted):
    rows = [row | {"score": -row["score"]} for row in planted(slope=1.0)]
    made = config({"score": {"direction": "lower"}}, properties={"ppl": {}}, baseline={"data": "none"})
    assert pick(analysed(rows, made), "centred").get("Spearman").estimate > 0.8


def test_no_relation_is_rarely_called_one(analysed, config, planted):
    held = 0
    for seed in range(12):
        made = config(properties={"ppl": {}}, baseline={"data": "none"}, resamples=100)
        found = analysed(planted(slope=0.0, models=3, seed=seed), made)
        held += any(one.p_holm < 0.05 for one in found.associations)
    assert held <= 3


def test_four_data_sets_give_words_and_no_number(analysed, config, planted):
    found = analysed(planted(datasets=4), config(properties={"ppl": {}}, baseline={"data": "none"}))
    assert all(one.estimates == () and one.p is None for one in found.associations)
    assert found.tests["associations"] == 0
    sentence = association_sentence(found.document["associations"][0])
    assert "no number, because 4 data sets are too few" in sentence


def test_a_constant_property_gives_words(analysed, config, planted):
    rows = [row | {"ppl": 3} for row in planted()]
    found = analysed(rows, config(properties={"ppl": {}}, baseline={"data": "none"}))
    assert {one.note for one in found.associations} == {"one side is the same everywhere"}


def test_the_points_of_the_plot_are_the_centred_runs(found, planted):
    rows = [row for row in planted(slope=-1.0) if row["data"] != "none"]
    ppl = np.array([float(row["ppl"]) for row in rows]).reshape(6, 10)
    (one,) = (m for m in found.property_maps if m.property == "ppl")
    assert np.array(one.values) == pytest.approx(ppl)
    assert np.array(one.centred) == pytest.approx(ppl - ppl.mean(axis=1, keepdims=True))


def test_the_sentence_holds_the_numbers(found):
    one = next(a for a in found.document["associations"] if a["scope"] == "centred" and a["property"] == "ppl")
    sentence = association_sentence(one)
    assert "60 runs, 10 data sets" in sentence
    assert "after Holm over the 2 tests of this question (centred): a relation" in sentence
    assert found.tests["associations"] == sum(a.p is not None for a in found.associations) == 2 * (6 + 2)


def test_a_property_without_baseline_rows_has_no_pooled_gain(analysed, config, planted):
    rows = [row for row in planted() if row["data"] != "none"]
    found = analysed(rows, config(properties={"ppl": {}}))
    assert {one.scope for one in found.associations} == {"one model", "centred"}
