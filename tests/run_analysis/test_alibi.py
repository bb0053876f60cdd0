"""The alibi of an association: its arithmetic, what is planted, what is clean, and what cannot be computed."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from scipy import stats

from dataselect.errors import ConfigError
from dataselect.run_analysis.alibi_section import alibi_sentence, warning_lines
from dataselect.run_analysis.alibi_sides import length_name
from dataselect.run_analysis.within_models import mean_partial, mean_spearman, signs
from dataselect.run_analysis.without_groups import greedy_path, members_of, worst_sets

PROPERTIES = {"nll": {"direction": "lower"}, "length": {}}


def rows_of(score, result, length, **columns):
    """Rows of (n_models, n_datasets) numbers; columns: name -> a text per data set."""
    return [
        {"model": f"m{m}", "data": f"d{d:02}", "nll": score[m, d], "score": result[m, d], "length": length[m, d]}
        | {name: labels[d] for name, labels in columns.items()}
        for m in range(score.shape[0])
        for d in range(score.shape[1])
    ]


def drawn(seed, models=3, datasets=24):
    rng = np.random.default_rng(seed)
    return rng, lambda: rng.normal(size=(1, datasets)) + 0.5 * rng.normal(size=(models, datasets))


def overall(found, name="nll"):
    return next(a for a in found.alibis if a.property == name and a.scope != "one model")


def lines(found, name="nll"):
    document = found.document
    one = next(a for a in document["alibis"] if a["property"] == name and a["scope"] != "one model")
    return list(warning_lines(one))


def test_three_models_of_five_data_sets_by_hand():
    # m0 in step: 1. m1 with one swap of neighbours: 1 - 6 * 2 / (5 * 24) = 0.9. m2 reversed: -1. Mean 0.3.
    x = np.array([[1.0, 2, 3, 4, 5]] * 3)
    y = np.array([[1.0, 2, 3, 4, 5], [2, 1, 3, 4, 5], [5, 4, 3, 2, 1]])
    held = np.ones((1, 3, 5, 1))
    assert mean_spearman(signs(x)[None], signs(y)[None], held)[0, 0] == pytest.approx((1 + 0.9 - 1) / 3)
    held[0, 1, 1] = 0  # without the second data set m1 has 1, 3, 4, 5 against 2, 3, 4, 5: in step
    assert mean_spearman(signs(x)[None], signs(y)[None], held)[0, 0] == pytest.approx((1 + 1 - 1) / 3)


def test_weights_ties_and_partials_are_those_of_points_written_out():
    rng = np.random.default_rng(0)
    x, y, z = rng.integers(0, 6, size=(3, 2, 9)).astype(float)
    y[0, 3] = np.nan
    x[0, 3] = z[0, 3] = np.nan
    counts = rng.integers(0, 3, size=9).astype(float)
    held = np.where(np.isfinite(x), counts, 0.0)
    plain, partial = [], []
    for a, b, c, w in zip(x, y, z, held, strict=True):
        out = [np.repeat(one, w.astype(int)) for one in (a, b, c)]
        ab, ac, bc = (stats.spearmanr(out[i], out[j]).statistic for i, j in ((0, 1), (0, 2), (1, 2)))
        plain.append(ab)
        partial.append((ab - ac * bc) / np.sqrt((1 - ac**2) * (1 - bc**2)))
    sides = [signs(one)[None] for one in (x, y, z)]
    assert mean_spearman(*sides[:2], held[None, ..., None])[0, 0] == pytest.approx(np.mean(plain))
    assert mean_partial(*sides, held[None, ..., None])[0, 0] == pytest.approx(np.mean(partial))


def test_the_worst_sets_are_those_of_trying_all():
    x, y = np.random.default_rng(5).normal(size=(2, 2, 9))
    y += x
    members = members_of(np.broadcast_to(np.arange(9), (2, 9)), 9)
    sides, known = (signs(x)[None], signs(y)[None]), np.ones((1, 2, 9))
    path = greedy_path(*sides, known, members, 3)

    def without(chosen):
        kept = [d for d in range(9) if d not in chosen]
        return np.mean([stats.spearmanr(a[kept], b[kept]).statistic for a, b in zip(x, y, strict=True)])

    for size, (chosen, value) in enumerate(worst_sets(*sides, known, members, path), start=1):
        assert len(chosen) == size
        assert value == pytest.approx(min(without(some) for some in combinations(range(9), size)))
        assert value == pytest.approx(without(chosen))


def test_length_that_makes_both_is_warned_of_and_the_sign_is_as_said(analysed, config):
    rng, noise = drawn(1)
    length = np.repeat(rng.normal(size=(1, 24)), 3, axis=0)
    rows = rows_of(-0.9 * length + 0.4 * noise(), 0.9 * length + 0.4 * noise(), length)
    found = analysed(rows, config(properties=PROPERTIES))  # control is not named: "length" is recognised
    one = overall(found)
    assert one.estimate > 0.5  # lower is said to be better, and lower goes with better
    assert abs(one.length.given) < one.estimate / 2
    assert (one.length.hold, one.length.length) == ("warning", "length")
    assert one.length.p <= one.level == 0.025  # two checks share 5 %: length, and the data sets
    assert any("hangs on length: with it held fixed" in line for line in lines(found))


def test_few_groups_that_carry_it_are_named_by_their_column(analysed, config):
    _, noise = drawn(2)
    apart = np.zeros((1, 24))
    apart[:, :6] = 4.0
    source = ["crawl"] * 3 + ["forum"] * 3 + [f"s{d}" for d in range(18)]
    rows = rows_of(noise() - apart, noise() + apart, np.random.default_rng(0).normal(size=(3, 24)), source=source)
    found = analysed(rows, config(properties=PROPERTIES, group="source"))
    (groups,) = overall(found).groups
    assert (groups.column, groups.groups, groups.hold) == ("source", 20, "warning")
    assert {"crawl", "forum"} <= set(groups.farthest.groups)
    assert groups.moves_most in ("crawl", "forum")
    assert groups.low == groups.without_most < overall(found).estimate
    assert any("hangs on few groups of source" in line and "crawl and forum" in line for line in lines(found))


def test_a_relation_that_all_share_holds(analysed, config):
    rng, noise = drawn(3)
    score = noise()
    rows = rows_of(score, -2 * score + 0.5 * noise(), np.repeat(rng.normal(size=(1, 24)), 3, axis=0))
    found = analysed(rows, config(properties=PROPERTIES))
    one = overall(found)
    assert [one.length.hold, one.groups[0].hold] == ["holds", "holds"]
    assert one.groups[0].ci_low > 0.5
    assert lines(found) == []


def test_small_tables_get_a_caution_that_says_that_they_cannot_tell(analysed, config):
    rng = np.random.default_rng(0)
    score = rng.normal(size=(1, 9))
    rows = rows_of(score, -score + 1.2 * rng.normal(size=(1, 9)), rng.normal(size=(1, 9)))
    found = analysed(rows, config(properties=PROPERTIES))
    (one,) = (a for a in found.document["alibis"] if a["property"] == "nll")
    assert one["scope"] == "one model"
    assert one["groups"][0]["hold"] == "caution"
    (line,) = (line for line in warning_lines(one) if "groups" in line)
    assert line.startswith("caution: ")
    assert "9 groups cannot tell" in line


def test_bad_input_is_named_and_in_no_mean(analysed, config):
    _, noise = drawn(4, models=4, datasets=8)
    score, result = noise(), noise()
    rows = rows_of(score, result, noise(), source=["", "a", "a", "b", "b", "b", "c", "c"], all=["one"] * 8)
    for row in rows:
        if row["model"] == "m0":
            row["nll"] = 2.5  # a constant property
        if row["model"] == "m1" and row["data"] > "d03":
            row["score"] = "nan"  # four outcomes are left
    found = analysed(rows, config(properties=PROPERTIES, group=["source", "all"]))
    one = overall(found)
    assert one.left_out_models == ("m0", "m1")
    kept = [-stats.spearmanr(score[m], result[m]).statistic for m in (2, 3)]
    assert one.estimate == pytest.approx(np.mean(kept))
    assert (one.n, one.n_models) == (16, 2)
    whole = next(group for group in one.groups if group.column == "all")
    assert (whole.hold, whole.note) == ("no number", "all runs are in one group, one")
    texts = {finding.check: finding.text for finding in found.findings}
    assert "all runs are in one group of all, one" in texts["one group"]
    assert "4 cells without a source count as one group, (empty)" in texts["runs without a group"]
    single = next(a for a in found.document["alibis"] if a["model"] == "m0" and a["property"] == "nll")
    assert "no number, because no model has 5 data sets" in alibi_sentence(single)


def test_a_property_that_is_the_length_in_other_words(analysed, config):
    rng, noise = drawn(6)
    length = np.repeat(rng.normal(size=(1, 24)), 3, axis=0)
    found = analysed(rows_of(-np.exp(length), noise() + length, length), config(properties=PROPERTIES))
    assert (overall(found).length.given, overall(found).length.hold) == (None, "warning")
    assert overall(found, "length").length.note == "it is the length itself"


def test_a_group_column_that_is_not_there_is_refused(read, config):
    _, noise = drawn(7)
    with pytest.raises(ConfigError, match=r"has no 'sauce', did you mean 'source'\?"):
        read(rows_of(noise(), noise(), noise(), source=["a"] * 24), config(properties=PROPERTIES, group="sauce"))


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        ({"nll": {}, "avg_tokens": {}}, "avg_tokens"),
        ({"how long": {"column": "response_tokens"}, "nll": {}}, "how long"),
        ({"nll": {}, "similarity": {}}, None),
    ],
)
def test_the_length_is_recognised_by_its_name(config, properties, expected):
    assert length_name(config(properties=properties)) == expected
