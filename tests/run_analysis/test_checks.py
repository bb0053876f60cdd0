"""Each check on a tiny table that has the fault, and on one that has not."""

from __future__ import annotations

import numpy as np
import pytest

from dataselect.run_analysis.baselines import suspicious_baselines, untrusted
from dataselect.run_analysis.checks import check
from dataselect.run_analysis.copied_rows import copied_cells
from dataselect.run_analysis.grid import make_grids

TASKS = ("a", "b", "c")


def row(model, data, *scores, **more):
    return {"model": model, "data": data, **dict(zip(TASKS, scores, strict=True)), **more}


GOOD = [
    row("m", "x", 1.5, 20.25, 3),
    row("m", "y", 2.5, 30.5, 5),
    row("n", "x", 4.5, 40.75, 7),
    row("n", "y", 6, 50.5, 9),
]


@pytest.fixture
def findings(read, config):
    def make(rows, tasks=TASKS, **values):
        made = config(tasks, **values)
        table = read(rows, made)
        return check(table, make_grids(table, made), made, suspicious_baselines(table, made))

    return make


def named(found, name):
    return [one for one in found if one.check == name]


def test_a_good_table_has_one_note_that_there_is_no_baseline(findings):
    assert [one.check for one in findings(GOOD)] == ["no baseline"]


def test_identical_rows_under_different_names(findings):
    (one,) = named(findings([*GOOD, row("copy", "x", 1.5, 20.25, 3)]), "identical rows")
    assert (one.severity, one.lines, one.columns, one.count) == ("serious", (2, 6), TASKS, 3)
    assert "line 2 (m, x) and line 6 (copy, x) have all 3 scores in common" in one.text


def many(rows, tasks, rng):
    return [
        {"model": f"m{i}", "data": f"d{i}", **dict(zip(tasks, rng.normal(size=len(tasks)).round(6), strict=True))}
        for i in range(rows)
    ]


def test_partly_identical_rows_and_none_by_accident(findings, read, config):
    tasks = tuple(f"t{i}" for i in range(12))
    rows = many(60, tasks, np.random.default_rng(0))
    assert named(findings(rows, tasks), "partly identical rows") == []
    for name in tasks[:10]:
        rows[7][name] = rows[3][name]  # ten of twelve
    (one,) = named(findings(rows, tasks), "partly identical rows")
    assert (one.lines, one.columns, one.count) == ((5, 9), tasks[:10], 1)
    made = config(tasks)
    assert copied_cells(read(rows, made)) == {(task, row) for task in range(10) for row in (3, 7)}


def test_common_values_are_no_evidence(findings):
    tasks = tuple(f"t{i}" for i in range(12))
    rows = many(60, tasks, np.random.default_rng(0))
    for one in rows:
        one.update(dict.fromkeys(tasks[:11], 0))  # eleven tasks that no model solves
    assert named(findings(rows, tasks), "partly identical rows") == []


def test_copies_can_be_left_out(analysed, config):
    rows = [*GOOD, row("copy", "x", 1.5, 20.25, 3), row("copy", "y", 9, 9.5, 9)]
    kept, without = (analysed(rows, config(TASKS, without_copies=one)) for one in (False, True))
    heat = [next(h for h in found.heat_maps if h.task == "a") for found in (kept, without)]
    assert [h.centred[h.models.index("copy")][0] for h in heat] == [pytest.approx(-3.75), None]
    assert heat[0].centred[h_row(heat[0], "n")] == heat[1].centred[h_row(heat[1], "n")]


def h_row(heat, model):
    return heat.models.index(model)


def test_a_repeated_run_is_told_and_is_no_copy(findings):
    found = findings([*GOOD, GOOD[0]])
    (one,) = named(found, "repeated run")
    assert one.lines == (2, 6)
    assert named(found, "identical rows") == []
    (cell,) = named(found, "several runs in a cell")
    assert cell.text.startswith("all runs: 1 of 4 cells hold several runs, up to 2")


def test_empty_constant_nearly_empty_and_equal_columns(findings):
    rows = [one | {"empty": "", "same": 4, "few": 7 if i == 0 else "", "twin": one["a"]} for i, one in enumerate(GOOD)]
    found = findings(rows, (*TASKS, "empty", "same", "few", "twin"))
    assert [one.columns for one in named(found, "empty column")] == [("empty",)]
    assert [one.columns for one in named(found, "constant column")] == [("same",), ("few",)]
    assert [one.columns for one in named(found, "equal columns")] == [("a", "twin")]
    rows[1]["few"] = 8
    rows += [row("o", "x", 1, 2, 4, empty=1, same=1, few="", twin=3)]
    assert "known for 2 of 5 rows only" in named(findings(rows, (*TASKS, "few")), "nearly empty column")[0].text


def test_properties_are_checked_too(findings):
    rows = [one | {"ppl": 3, "length": "" if one["data"] == "x" else i} for i, one in enumerate(GOOD)]
    found = findings(rows, properties={"ppl": {}, "length": {}})
    assert [one.columns for one in named(found, "constant column")] == [("ppl",)]
    (one,) = named(found, "missing properties")
    assert "length is not known for 2 rows, of x" in one.text


def test_mixed_scales_between_tasks_and_within_one(findings):
    (one,) = named(findings([r | {"a": r["a"] / 100} for r in GOOD]), "mixed scales")
    assert one.columns == ("a",)
    rows = [row(m, f"d{i}", 1, 60 + i, 3 + i + 5 * (m == "n")) for m in "mn" for i in range(3)]
    for one in rows[:3]:
        one["b"] /= 100
    (one,) = named(findings(rows), "two scales in one column")
    assert (one.columns, one.lines) == (("b",), (2, 3, 4))
    assert "never exceeds 1 for m (3 rows), while the median of the other models is 61" in one.text


def test_scores_outside_the_declared_scale(findings):
    (one,) = named(findings(GOOD, {"a": {"scale": [0, 5]}, "b": {}, "c": {}}), "outside the scale")
    assert (one.lines, one.count) == ((5,), 1)
    assert one.text == "a should lie in 0 to 5, unlike 1 score: 6"


def test_unreadable_cells_are_absent_and_told(findings):
    (one,) = named(findings([*GOOD, row("o", "x", "12,5", "inf", 2)], ("a",)), "unreadable cells")
    assert one.text == "1 cell of a without a number in it, counted as absent: '12,5'"
    assert one.lines == (6,)


def test_missing_scores_are_told_together_with_what_the_rows_share(findings):
    rows = [*GOOD, row("o", "x", "", "n/a", 3.5), row("o", "y", "NaN", "", 4.5)]
    (one,) = named(findings(rows), "missing scores")
    assert (one.lines, one.columns, one.count) == ((6, 7), ("a", "b"), 4)
    assert one.text == "2 tasks have no score in the same 2 rows (a, b): model o"


def test_missing_runs_and_methods(findings):
    rows = [one | {"how": "p"} for one in GOOD] + [row("m", "x", 1, 2, 3.5, how="q")]
    methods = {"P": {"how": "p"}, "Q": {"how": "q"}, "R": {"how": "r"}}
    found = findings(rows, conditions=["how"], methods=methods)
    assert [one.text for one in named(found, "missing runs")] == ["Q: no run of n"]
    assert "R: no run matches {'how': 'r'}" in named(found, "empty method")[0].text
    (hole,) = named(findings(rows[1:4]), "missing runs")
    assert hole.text == "all runs: 1 of 4 cells hold no run: m on x"


def based(value, runs=(10, 12), **task):
    base = row("m", "none", value, 3.5, 5.5)
    rows = [base] + [row("m", f"d{i}", score, 3 + i, 5 + i * i) for i, score in enumerate(runs)]
    return rows, {"a": task, "b": {}, "c": {}}


@pytest.mark.parametrize(
    ("value", "runs", "task", "reason"),
    [
        (0.4, (10, 12), {"scale": [0, 100]}, "at the floor"),
        (20, (30, 60), {"scale": [0, 100], "chance": 50}, "below guessing"),
        (5, range(6, 16), {}, "always beaten"),
        (50, range(30, 40), {"direction": "lower"}, "always beaten"),
    ],
)
def test_a_suspicious_baseline(read, config, findings, value, runs, task, reason):
    rows, tasks = based(value, runs, **task)
    made = config(tasks, baseline={"data": "none"})
    (one,) = suspicious_baselines(read(rows, made), made)
    assert (one.model, one.task, one.value, one.reasons) == ("m", "a", value, (reason,))
    assert one.median_of_runs == np.median(list(runs))
    assert bool(untrusted((one,))) == (reason != "always beaten")
    (finding,) = named(findings(rows, tasks, baseline={"data": "none"}), f"baseline {reason}")
    assert finding.columns == ("a",)


@pytest.mark.parametrize(("value", "runs"), [(40, (30, 60)), (0.5, (0.2, 0.3)), (8, range(6, 16))])
def test_a_sound_baseline(read, config, value, runs):
    rows, tasks = based(value, runs, scale=[0, 100], chance=1)
    made = config(tasks, baseline={"data": "none"})
    assert suspicious_baselines(read(rows, made), made) == ()


def test_a_copied_baseline(findings):
    rows = [row("m", "none", 1, 2, 3), row("n", "none", 1, 2, 3), *GOOD]
    found = findings(rows, baseline={"data": "none"})
    assert [one.text for one in named(found, "baseline copied")] == [
        f"the baseline of {model} is the same as another row on 3 tasks: gains on them rest on a copy" for model in "mn"
    ]


def test_missing_and_repeated_baselines(findings):
    rows = [row("m", "none", 1, 2, 3), row("m", "none", 1.5, 2.25, 3.5), *GOOD]
    found = findings(rows, baseline={"data": "none"})
    assert named(found, "missing baseline")[0].text == "no baseline of n: their runs have no gain"
    assert named(found, "several baselines")[0].text == "several baselines of m: their mean is used"


def test_the_gravest_come_first(findings):
    severities = [
        one.severity for one in findings([*GOOD, row("copy", "x", 1.5, 20.25, 3), row("copy", "z", "", 1, 2)])
    ]
    assert severities == sorted(severities, key=["serious", "note"].index)
