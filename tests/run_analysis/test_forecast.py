"""Forecasts before training: the arithmetic of the interval, coverage on simulated tables, and what cannot be forecast."""

from __future__ import annotations

import csv
import io
import json
import math

import numpy as np
import pytest
from sklearn.linear_model import Ridge
from sklearn.preprocessing import StandardScaler

from dataselect.cli import run
from dataselect.errors import ConfigError
from dataselect.run_analysis.conformal import drawn_half_widths, half_width, least_coverage
from dataselect.run_analysis.forecast import forecasts
from dataselect.run_analysis.forecast_section import forecast_csv, forecast_sentence, forecast_sentences
from dataselect.run_analysis.page import build_page

KNOWN = {"quality": {}, "other": {}}


def drawn(seed, groups=12, runs=6, slope=0.0, of_group=0.5):
    """Runs with outcome = slope * quality + noise, of which a share of the variance is the group's."""
    rng = np.random.default_rng(seed)
    shared, own = rng.normal(size=groups), rng.normal(size=(groups, runs))
    noise = math.sqrt(of_group) * shared[:, None] + math.sqrt(1 - of_group) * own
    quality, other = rng.normal(size=(2, groups, runs))
    return [
        {"model": f"m{g}", "data": f"d{d}", "quality": quality[g, d], "other": other[g, d],
         "score": slope * quality[g, d] + noise[g, d]}
        for g in range(groups) for d in range(runs)
    ]  # fmt: skip


def asked(**values):
    return {"new": {"leave_out": "model", "properties": ["quality"], "outcome": "score", **values}}


@pytest.fixture
def forecast(config, read):
    """A function that forecasts rows; settings of the forecast by keyword."""

    def make(rows, baseline=None, conditions=(), **values):
        made = config(
            properties=KNOWN, forecast=asked(**values), resamples=200, baseline=baseline or {}, conditions=conditions
        )
        (one,) = forecasts(read(rows, made), made)
        return one

    return make


def plain(one):
    """A forecast as the document has it."""
    from dataclasses import asdict

    return asdict(one)


def test_the_quantile_by_hand():
    # 3 groups of 3 errors, 9 in all: 90 % of 10 / 9 is all of them, so the largest.
    errors = [np.array([1.0, -2, 3]), np.array([4.0, 5, -6]), np.array([7.0, 8, 9])]
    assert half_width(errors, 0.9) == 9
    # Half of 10 / 9 is 5 / 9 of the weight, five errors of equal weight: 5.
    assert half_width(errors, 0.5) == 5
    # 8 errors would need 101 % of the weight.
    assert half_width([*errors[:2], np.array([7.0, 8])], 0.9) is None


def test_groups_weigh_the_same_however_large_they_are():
    # One group of 8 zeros and one of 1, 2: 10 errors, a half of 11 / 10 is 0.55 of the weight. The zeros are a half, so
    # it takes the first error of the small group, which brings it to 0.75. By runs it would have been a zero.
    assert half_width([np.zeros(8), np.array([1.0, -2])], 0.5) == 1


@pytest.mark.parametrize("seed", range(8))
def test_crepes_and_a_plain_weighted_count_agree(seed):
    rng = np.random.default_rng(seed)
    groups = [rng.normal(size=size) for size in rng.choice([1, 2, 3, 5, 7, 8, 10], size=6)]
    confidence, n = 0.8, sum(map(len, groups))
    weighted = sorted((abs(error), 1 / len(one)) for one in groups for error in one)
    held, expected = 0.0, None
    for error, weight in weighted:
        held += weight
        if expected is None and held / len(groups) >= confidence * (n + 1) / n - 1e-12:
            expected = error
    assert half_width(groups, confidence) == expected
    counts = np.vstack([np.ones(6), rng.multinomial(6, np.full(6, 1 / 6), size=3)])
    once, *drawn = drawn_half_widths(groups, counts, confidence)
    assert once == expected
    for times, found in zip(counts[1:].astype(int), drawn, strict=True):
        written_out = [one for one, n in zip(groups, times, strict=True) for _ in range(n)]
        assert found == pytest.approx(half_width(written_out, confidence) or np.nan, nan_ok=True)


def test_every_number_of_a_table_is_that_of_plain_loops(forecast):
    rows = drawn(3, groups=6, runs=4, slope=1.0)
    one = forecast(rows)
    names = [f"m{g}" for g in range(6)]
    x = np.array([[row["quality"]] for row in rows])
    y = np.array([row["score"] for row in rows])
    of = np.array([row["model"] for row in rows])

    def predicted(fitted, wanted):
        scaler = StandardScaler().fit(x[fitted])
        return Ridge(1.0).fit(scaler.transform(x[fitted]), y[fitted]).predict(scaler.transform(x[wanted]))

    for place, left in enumerate(names):
        errors, alone = [], []
        for other in names:
            if other != left:
                rest, mine = (of != left) & (of != other), of == other
                errors += list(abs(y[mine] - predicted(rest, mine)))
                alone += list(abs(y[mine] - y[rest].mean()))
        place_of = math.ceil(0.9 * 21) - 1  # 20 errors of groups of the same size
        group = one.groups[place]
        assert group.width == pytest.approx(2 * sorted(errors)[place_of])
        assert group.width_alone == pytest.approx(2 * sorted(alone)[place_of])
        mine = of == left
        inside = abs(y[mine] - predicted(~mine, mine)) <= group.width / 2
        assert (group.n, group.covered) == (4, inside.sum())
        for run_, row, at in zip(
            (r for r in one.runs if r.group == left), y[mine], predicted(~mine, mine), strict=True
        ):
            assert (run_.outcome, run_.forecast) == (pytest.approx(row), pytest.approx(at))
            assert run_.high - run_.low == pytest.approx(group.width)
    assert one.coverage == pytest.approx(np.mean([group.covered / 4 for group in one.groups]))
    assert one.width == pytest.approx(np.median([group.width for group in one.groups]))
    assert one.ratio == pytest.approx(one.width / one.width_alone)
    assert one.least_coverage == pytest.approx(0.9 * 5 / 6) == least_coverage(5, 0.9)


@pytest.mark.parametrize(("of_group", "low", "high"), [(0.0, 0.88, 0.93), (1.0, 0.7875, 0.93)])
def test_coverage_over_200_simulated_tables(config, read, of_group, low, high):
    """Runs that err independently: 90 %. Runs of a group that err alike: at least 0.9 * 7 / 8 = 78.75 %."""
    made = config(properties=KNOWN, forecast=asked(), resamples=100)
    held = []
    for seed in range(200):
        (one,) = forecasts(read(drawn([seed, 1], groups=8, runs=5, of_group=of_group, slope=0.5), made), made)
        held.append(one.coverage)
    assert low < np.mean(held) < high


def test_noise_does_not_narrow_and_what_determines_the_outcome_does(forecast):
    false = 0
    for seed in range(60):
        one = forecast(drawn([seed, 2], groups=8, runs=5))
        false += one.verdict == "narrower"
        assert 0.7 < one.ratio < 1.5
    assert false <= 5  # nominal 2.5 % of 60 is 1.5; more than 5 has a probability below 0.5 %
    one = forecast(drawn(1))
    assert (one.verdict, "properties do not narrow it" in forecast_sentence(plain(one))) == ("not narrower", True)
    close = forecast(drawn(1, slope=5.0))
    assert close.verdict == "narrower"
    assert close.ratio < 0.4
    assert "the properties narrow it" in forecast_sentence(plain(close))


def test_many_tasks_are_one_line_and_the_page_has_each(config, analysed):
    rows = drawn(12, groups=6, slope=4.0)
    rng = np.random.default_rng(0)
    rows = [row | {f"task {n}": row["score"] if n == 2 else rng.normal() for n in range(4)} for row in rows]
    made = config([f"task {n}" for n in range(4)], properties=KNOWN, forecast=asked(), resamples=100)
    document = analysed(rows, made).document
    (line,) = forecast_sentences(document)
    assert "on 4 tasks" in line
    assert "the properties narrow it on 1 (task 2)" in line
    text = str(build_page(document))
    for n in range(4):
        assert f"Forecast new, score on task {n}, from quality" in text


def test_what_is_given_is_known_to_the_mean_alone_too(forecast):
    rows = drawn(4, slope=1.0, of_group=0.0)
    for row in rows:
        row["score"] += 10 * int(row["data"][1:])  # a level for each data set, which is a category
    plain_mean, with_level = forecast(rows), forecast(rows, given=["data"])
    assert plain_mean.width_alone > 40
    assert with_level.width_alone < 8
    assert with_level.ratio < 1


def test_the_gain_and_the_baseline_as_something_known(forecast):
    rng = np.random.default_rng(5)
    rows = []
    for g in range(12):
        base, known = rng.normal(), {"model": f"m{g}", "quality": 1, "other": 0}
        rows.append(known | {"data": "none", "score": base, "lora": ""})
        for d in range(6):
            score = base + 3 * (d % 2) - 2 * base + 0.1 * rng.normal()  # the gain is 3 lora - 2 base
            rows.append(known | {"data": f"d{d}", "score": score, "lora": bool(d % 2)})
    settings = {"outcome": "gain", "baseline": {"data": "none"}, "conditions": ["lora"]}
    both = forecast(rows, properties=["lora", "baseline"], **settings)
    assert both.width < 0.6 < 4 < both.width_alone
    assert [run.outcome for run in both.runs[:2]] == [
        pytest.approx(row["score"] - rows[0]["score"]) for row in rows[1:3]
    ]
    beside = forecast(rows, properties=["baseline"], given=["lora"], where={"data": ["d0", "d1"]}, **settings)
    assert beside.n == 24
    assert beside.width_alone == pytest.approx(
        forecast(rows, properties=["baseline"], given=["lora"], **settings).width_alone, rel=0.3
    )


def test_bad_runs_are_named_and_in_no_number(forecast):
    rows = drawn(6)
    whole = forecast([row for row in rows if row["model"] != "m0"])
    rows = [row for row in rows if row["model"] != "m0" or row["data"] == "d0"]  # m0 has one run, line 2
    rows += [
        dict(rows[5], data="x1", quality=""),
        dict(rows[5], data="x2", score="nan"),
        dict(rows[5], data="x3", model=""),
    ]
    one = forecast(rows)
    assert {part.reason: part.lines for part in one.left_out} == {
        "no score": (70,), "no quality": (69,), "no model": (71,), "the only run of its model": (2,),
    }  # fmt: skip
    assert (one.n, one.coverage, one.width, one.ratio) == (66, whole.coverage, whole.width, whole.ratio)
    (line,) = (text for text in forecast_sentences({"forecasts": [plain(one)]}) if "no quality" in text)
    assert "1 run left out, no quality: line 69." in line


def test_a_constant_property_is_not_used_and_named(forecast):
    rows = [row | {"other": 3} for row in drawn(7)]
    one = forecast(rows, properties=["quality", "other"])
    assert (one.properties, one.constant) == (("quality",), ("other",))
    assert one.groups == forecast(rows).groups
    lines = list(forecast_sentences({"forecasts": [plain(one)]}))
    assert lines[1] == "Forecast new, score on score: not used, because the same in all runs: other."


@pytest.mark.parametrize(
    ("rows", "note"),
    [
        (drawn(8, groups=4), "a forecast needs 5 groups of model, got 4 groups"),
        (drawn(8, groups=6, runs=1), "intervals of 90 % need 9 runs beside the group left out, got 5"),
        ([row | {"quality": 1} for row in drawn(8)], "every property is the same in all runs"),
        ([row | {"score": 1} for row in drawn(8)], "the outcome is the same in all runs"),
        ([row | {"quality": ""} for row in drawn(8)], "a forecast needs 5 groups of model, got 0 groups"),
    ],
)
def test_what_cannot_be_forecast_has_no_number_and_says_what_is_needed(forecast, rows, note):
    one = forecast(rows)
    assert (one.note, one.coverage, one.ratio, one.verdict) == (note, None, None, "no number")
    assert f"no number, because {note}." in forecast_sentence(plain(one))


def test_groups_of_one_run_each_are_runs(forecast):
    one = forecast(drawn(9, groups=30, runs=1))  # with more than 21 groups, calibrated in 20 parts
    assert (one.n, one.n_groups, one.left_out) == (30, 30, ())
    assert one.coverage > 0.7


@pytest.mark.parametrize(
    ("forecast_of", "message"),
    [
        (asked(properties=["qualty"]), "'qualty' is no property and names no run"),
        (asked(properties=[]), "expected at least one, got none"),
        (asked(properties=["model"]), "'model' is left out"),
        (asked(given=["quality"]), "named twice: quality"),
        (asked(outcome="gain"), "a gain needs baseline"),
        (asked(properties=["baseline"]), "'baseline' is no property"),
        (asked(tasks=["scores"]), "'scores' is not among the tasks"),
        (asked(where={"epoch": 3}), "'epoch' names no run"),
        (asked(leaveout="model"), "did you mean leave_out"),
    ],
)
def test_a_wrong_configuration_is_refused(config, forecast_of, message):
    with pytest.raises(ConfigError) as caught:
        config(properties=KNOWN, forecast=forecast_of)
    assert message in caught.value.message
    assert "\n" not in caught.value.message


def test_a_column_to_leave_out_that_is_not_there_is_refused(config, read):
    with pytest.raises(ConfigError, match=r"has no 'modell', did you mean 'model'\?"):
        read(drawn(0), config(properties=KNOWN, forecast=asked(leave_out="modell")))


def test_a_task_that_a_long_table_lacks_is_refused(config, read):
    made = config(properties=KNOWN, forecast=asked())
    table = read(drawn(0), made)
    made.forecast["new"] = type(made.forecast["new"])("model", ("quality",), outcome="score", tasks=("other task",))
    with pytest.raises(ConfigError, match=r"forecast\.new: no task other task"):
        forecasts(table, made)


def test_the_page_the_document_and_the_table_of_runs(analysed, config):
    found = analysed(drawn(10), config(properties=KNOWN, forecast=asked(), resamples=100))
    document = found.document
    (one,) = document["forecasts"]
    assert "runs" not in one
    (section,) = (part for part in build_page(document).sections if part.key == "forecasts")
    assert section.title == "Forecasting a run before training"
    rows = list(csv.DictReader(io.StringIO(forecast_csv(found.forecasts))))
    assert len(rows) == one["n"] == 72
    inside = [float(row["low"]) <= float(row["outcome"]) <= float(row["high"]) for row in rows]
    assert sum(inside) == sum(group["covered"] for group in one["groups"])


def test_the_command_prints_forecasts_and_lists_the_table_in_its_manifest(dump, tmp_path, capsys):
    rows = drawn(11)
    table = tmp_path / "runs.csv"
    with table.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    config = {
        "columns": {"model": "model", "data": "data"}, "tasks": {"score": {}}, "properties": KNOWN, "forecast": asked(),
        "resamples": 100, "permutations": 199,
    }  # fmt: skip
    out = tmp_path / "out"
    assert run(["analyze", str(table), "--config", str(dump(config)), "--out", str(out)]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert "Forecast new, score on score, from quality (each of 12 groups of model left out, 72 runs)" in printed
    assert "forecast.csv" in json.loads((out / "manifest.json").read_text())["outputs"]
