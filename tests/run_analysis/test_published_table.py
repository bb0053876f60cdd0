"""`analyze` on the published results of 1,027 models: every number of its document is computed again with pandas, scipy and
plain loops, and every number of its page is held against the document.

The bootstrap is repeated by writing the resampled data sets out, from the same draws; to keep that short there are 100
of them here, which changes nothing but the ends of those intervals.
"""

from __future__ import annotations

import json
import math
import re
from itertools import combinations
from pathlib import Path

import lxml.html
import numpy as np
import pytest
import yaml
from scipy import stats

from dataselect.comparison.bootstrap import named_generator
from dataselect.run_analysis import analyze
from dataselect.run_analysis.uncertainty import drawn_counts

pd = pytest.importorskip("pandas")

OVERALL = "all tasks (standardised)"
METHODS = {"LoRA": True, "full": False}
ROOT = Path(__file__).resolve().parents[2]
DRAWS = 100


@pytest.fixture(scope="module")
def settings():
    return yaml.safe_load((ROOT / "configs" / "massive_sft.yaml").read_text())


@pytest.fixture(scope="module")
def out(shared_data, settings, tmp_path_factory):
    folder = tmp_path_factory.mktemp("published")
    (folder / "config.yaml").write_text(json.dumps(settings | {"resamples": DRAWS}))
    table = shared_data / "gold" / "massive_sft__evaluation_result.csv"
    analyze(table, folder / "config.yaml", folder / "out")
    return folder / "out"


@pytest.fixture(scope="module")
def document(out):
    return json.loads((out / "analyze.json").read_text())


@pytest.fixture(scope="module")
def frame(shared_data, settings):
    """The table with the tasks' own names; line is that of the file."""
    read = pd.read_csv(shared_data / "gold" / "massive_sft__evaluation_result.csv", keep_default_na=True)
    read["line"] = read.index + 2
    read["lora"] = read["lora"].map(
        {True: True, False: False, "True": True, "true": True, "False": False, "false": False}
    )
    return read.rename(columns={one["column"]: name for name, one in settings["tasks"].items()})


@pytest.fixture(scope="module")
def tasks(settings):
    return list(settings["tasks"])


@pytest.fixture(scope="module")
def counted(settings):
    return [name for name, one in settings["tasks"].items() if one.get("overall", True)]


def base(frame, task):
    return frame[frame.data_name == "pretrain"].groupby("model_name")[task].mean()


@pytest.fixture(scope="module")
def grids(frame, tasks, counted):
    """(method, task) -> frame of models and data sets."""
    main = frame[(frame.data_size == 1000) & (frame.epoch == 10) & (frame.lr_strategy == "cosine")]
    found = {}
    for method, lora in METHODS.items():
        rows = main[main.lora == lora]
        for task in tasks:
            found[method, task] = rows.pivot_table(index="model_name", columns="data_name", values=task, dropna=False)
        z = []
        for task in counted:
            moved = found[method, task].sub(found[method, task].mean(axis=1), axis=0)
            z.append(moved / np.sqrt(np.nanmean(moved.to_numpy() ** 2)))
        found[method, OVERALL] = sum(z) / len(z)
    return found


def holm(values):
    order = sorted((p, i) for i, p in enumerate(values) if p is not None)
    corrected, floor = [None] * len(values), 0.0
    for k, (p, i) in enumerate(order):
        floor = max(floor, min(1, p * (len(order) - k)))
        corrected[i] = floor
    return corrected


def same_mean(found, values):
    """A mean over units against scipy's t test."""
    values = pd.Series(values).dropna().to_numpy(dtype=float)
    assert found["n"] == len(values)
    if not len(values):
        assert found["estimate"] is None
        return
    assert found["estimate"] == pytest.approx(values.mean(), abs=1e-9)
    if len(values) > 1 and np.ptp(values) > 1e-12:
        test = stats.ttest_1samp(values, 0)
        assert [found["ci_low"], found["ci_high"]] == pytest.approx(list(test.confidence_interval()), abs=1e-9)
        assert found["p"] == pytest.approx(test.pvalue, abs=1e-9)


def test_what_was_read(document, frame, tasks, grids):
    source = document["source"]
    assert (source["rows"], source["excluded"]) == (1027, 0)
    assert source["models"] == frame.model_name.nunique()
    assert source["datasets"] == frame.data_name.nunique()
    assert source["tasks"] == len(tasks)
    for one in document["methods"]:
        grid = grids[one["method"], "GSM8K"]
        assert [one["runs"], one["models"], one["datasets"]] == [grid.notna().sum().sum(), *grid.shape]
    assert document["associations"] == document["property_maps"] == []
    assert document["tests"] == {
        "associations": 0,
        "data sets": sum(len(one["effects"]) for one in document["extremes"]),
        "agreement": sum(one["p"] is not None for one in document["agreements"]),
        "comparisons": len(document["comparisons"]),
    }


def test_best_and_worst(document, frame, grids, settings):
    suspicious = {
        (b["model"], b["task"]) for b in document["suspicious_baselines"] if set(b["reasons"]) - {"always beaten"}
    }
    seen = set()
    for one in document["extremes"]:
        grid = grids[one["method"], one["task"]]
        whole = grid.dropna()
        seen.add((one["method"], one["task"]))
        assert one["models"] == list(whole.index)
        assert one["left_out"] == [m for m in grid.index if m not in whole.index]
        moved = whole.sub(whole.mean(axis=1), axis=0).round(10)
        means = moved.mean()
        order = [e["dataset"] for e in one["effects"]]
        assert sorted(order) == sorted(grid.columns)
        assert means[order].to_numpy() == pytest.approx(sorted(means, reverse=True), abs=1e-9)
        gains = None if one["task"] == OVERALL else grid.sub(base(frame, one["task"]), axis=0)
        for effect in one["effects"]:
            column = effect["dataset"]
            same_mean(effect["effect"], moved[column])
            assert effect["best_in"] == (moved[column] == moved.max(axis=1)).sum()
            assert effect["worst_in"] == (moved[column] == moved.min(axis=1)).sum()
            if gains is not None:
                same_mean(effect["gain"], gains[column])
                sound = [m for m in grid.index if (m, one["task"]) not in suspicious]
                same_mean(effect["trusted_gain"], gains.loc[sound, column])
            else:
                assert effect["gain"]["n"] == effect["trusted_gain"]["n"] == 0
        corrected = holm([effect["effect"]["p"] for effect in one["effects"]])
        assert [effect["p_holm"] for effect in one["effects"]] == pytest.approx(corrected)
        same_mean(one["lead"], moved[order[0]] - moved[order[1]])
    assert seen == {key for key, grid in grids.items() if len(grid.dropna()) > 1 and grid.std(axis=1).max() > 0}


def resampled(grid, method, task):
    """Mean of the correlations of all pairs of models that are defined, for each draw of the data sets."""
    values = grid.T.reset_index(drop=True)
    held = drawn_counts(len(values), DRAWS, named_generator(0, "agreement", method, task))
    firsts = {}
    means = {"pearson": [], "spearman": []}
    for how in means:
        firsts[how] = values.corr(how, min_periods=5)
    upper = np.triu(np.ones((len(grid), len(grid)), dtype=bool), 1)
    for counts in held.astype(int):
        drawn = values.loc[np.repeat(np.arange(len(values)), counts)]
        for how, found in means.items():
            pairs = drawn.corr(how).to_numpy()[upper & firsts[how].notna().to_numpy()]
            found.append(np.nanmean(pairs) if np.isfinite(pairs).any() else np.nan)
    return firsts, {how: np.array(found) for how, found in means.items()}


def test_agreement(document, grids):
    for one in document["agreements"]:
        grid = grids[one["method"], one["task"]]
        first, draws = resampled(grid, one["method"], one["task"])
        assert len(one["pairs"]) == math.comb(len(grid), 2)
        for pair in one["pairs"]:
            assert pair["n"] == grid.loc[[pair["first"], pair["second"]]].notna().all().sum()
            for how in ("pearson", "spearman"):
                expected = first[how].loc[pair["first"], pair["second"]]
                assert pair[how] == (None if np.isnan(expected) else pytest.approx(expected, abs=1e-9))
        for how in ("pearson", "spearman"):
            known = [pair[how] for pair in one["pairs"] if pair[how] is not None]
            assert one[how]["pairs"] == len(known)
            assert one[how]["estimate"] == (pytest.approx(np.mean(known)) if known else None)
            defined = draws[how][np.isfinite(draws[how])]
            if len(defined) >= 0.95 * DRAWS:
                ends = np.quantile(defined, [0.025, 0.975])
                assert [one[how]["ci_low"], one[how]["ci_high"]] == pytest.approx(list(ends), abs=1e-9)
            else:
                assert one[how]["ci_low"] is one[how]["ci_high"] is None
        whole = grid.dropna().to_numpy()
        m, d = whole.shape
        assert (one["n_models"], one["n_datasets"]) == (m, grid.shape[1])
        if m < 2 or one["general_share"] is None:
            continue
        moved = whole - whole.mean(axis=1, keepdims=True)
        rest = moved - moved.mean(axis=0)
        assert one["general_share"] == pytest.approx(1 - np.sum(rest**2) / np.sum(moved**2))
        assert one["by_chance"] == 1 / m
        ratio = ((np.sum(moved**2) - np.sum(rest**2)) / (d - 1)) / (np.sum(rest**2) / ((d - 1) * (m - 1)))
        assert one["p"] == pytest.approx(stats.f.sf(ratio, d - 1, (d - 1) * (m - 1)), rel=1e-6)
    assert [a["p_holm"] for a in document["agreements"]] == pytest.approx(
        holm([a["p"] for a in document["agreements"]])
    )


def test_a_model_left_out(document, frame, grids):
    for one in document["predictions"]:
        assert one["predictor"] == "data set"
        grid = grids[one["method"], one["task"]]
        if one["target"] == "gain":
            grid = grid.sub(base(frame, one["task"]), axis=0)
        else:
            grid = grid.sub(grid.mean(axis=1), axis=0)
        grid = grid.dropna(how="all")
        squared = []
        for model, left in zip(grid.index, one["models"], strict=True):
            others = grid.drop(model)
            errors = (grid.loc[model] - others.mean()).dropna()
            level = np.nanmean(others.to_numpy()) if one["target"] == "gain" else 0.0
            without = grid.loc[model].dropna() - level
            assert (left["model"], left["n"]) == (model, len(errors))
            assert left["rmse"] == pytest.approx(np.sqrt(np.mean(errors**2)), abs=1e-9)
            assert left["rmse_without"] == pytest.approx(np.sqrt(np.mean(without**2)), abs=1e-9)
            squared.append([np.sum(errors**2), np.sum(without**2)])
        squared = np.array(squared)
        n = grid.notna().sum().sum()
        assert (one["n"], one["n_models"]) == (n, len(grid))
        assert one["rmse"] == pytest.approx(np.sqrt(squared[:, 0].sum() / n))
        assert one["rmse_without"] == pytest.approx(np.sqrt(squared[:, 1].sum() / n))
        if not squared[:, 1].sum():  # LongBench: always 0
            assert one["skill"] is one["ci_low"] is one["ci_high"] is None
            continue
        assert one["skill"] == pytest.approx(1 - squared[:, 0].sum() / squared[:, 1].sum())
        rng = named_generator(0, "prediction", one["method"], one["task"], one["target"], "data set")
        skills = []
        for counts in drawn_counts(len(grid), DRAWS, rng).astype(int):
            drawn = squared[np.repeat(np.arange(len(grid)), counts)].sum(axis=0)
            skills.append(1 - drawn[0] / drawn[1])
        if len(grid) < 5:
            assert one["ci_low"] is one["ci_high"] is None
            continue
        assert [one["ci_low"], one["ci_high"]] == pytest.approx(list(np.quantile(skills, [0.025, 0.975])))


def test_pairs(document, frame, tasks, counted):
    rows = {
        "LoRA against full": frame[(frame.data_size == 1000) & (frame.epoch == 10) & (frame.lr_strategy == "cosine")],
        "20k against 1k": frame[(frame.lora == False) & (frame.lr_strategy == "constant")],  # noqa: E712
    }
    rows["20k against 1k, epoch 10"] = rows["20k against 1k"][rows["20k against 1k"].epoch == 10]
    seen = []
    for name, found in rows.items():
        column, first, second = ("lora", False, True) if name.startswith("LoRA") else ("data_size", 1000, 20000)
        keys = [
            key for key in ("model_name", "data_name", "lora", "epoch", "data_size", "lr_strategy") if key != column
        ]
        merged = found[found[column] == first].merge(found[found[column] == second], on=keys, suffixes=("_a", "_b"))
        differences, made = {}, {one["task"]: one for one in document["comparisons"] if one["comparison"] == name}
        units = {}
        for task in tasks:
            both = merged[[f"{task}_a", f"{task}_b"]].notna().all(axis=1)
            if both.any():
                differences[task] = merged[f"{task}_b"] - merged[f"{task}_a"]
                stacked = pd.concat([merged[both][f"{task}_{s}"] for s in "ab"])
                means = stacked.groupby(pd.concat([merged[both].model_name] * 2)).transform("mean")
                units[task] = np.sqrt(np.mean((stacked - means) ** 2))
        scaled = [differences[task] / units[task] for task in counted]
        differences[OVERALL], units[OVERALL] = sum(scaled) / len(scaled), 1.0
        assert list(made) == list(differences)
        for task, difference in differences.items():
            one, known = made[task], difference.notna()
            assert (one["first"], one["second"]) == (str(first), str(second))
            assert one["n"] == known.sum()
            assert one["estimate"] == pytest.approx(difference.mean(), abs=1e-9)
            assert one["positive"] == (difference > 0).sum()
            assert one["unit"] == pytest.approx(units[task])
            same_mean(one["over_models"], difference[known].groupby(merged.model_name).mean())
            same_mean(one["over_datasets"], difference[known].groupby(merged.data_name).mean())
            assert one["p"] == max(one["over_models"]["p"], one["over_datasets"]["p"])
        single = [task for task in differences if task != OVERALL]
        assert [made[t]["p_holm"] for t in single] == pytest.approx(holm([made[t]["p"] for t in single]))
        assert made[OVERALL]["p_holm"] == made[OVERALL]["p"]
        seen += list(made.values())
    assert len(seen) == len(document["comparisons"])


def test_curves(document, frame, counted):
    names = {"LoRA, all 10k": True, "full, all 10k": False}
    for name, lora in names.items():
        rows = frame[(frame.data_name == "all") & (frame.data_size == 10000) & (frame.lora == lora)]
        z = []
        for task in counted:
            grid = rows.pivot_table(index="model_name", columns="epoch", values=task, dropna=False)
            moved = grid.sub(grid.mean(axis=1, skipna=False), axis=0)
            z.append(moved / np.sqrt(np.nanmean(moved.to_numpy() ** 2)))
        for one in (one for one in document["curves"] if one["name"] == name):
            if one["task"] == OVERALL:
                grid, unit = sum(z) / len(z), 1.0
            else:
                grid = rows.pivot_table(index="model_name", columns="epoch", values=one["task"], dropna=False)
                moved = grid.sub(grid.mean(axis=1, skipna=False), axis=0).to_numpy()
                unit = np.sqrt(np.nanmean(moved**2))
            whole = grid.dropna()
            assert sorted(one["models"]) == sorted(whole.index)
            assert sorted(one["left_out"]) == sorted(set(rows.model_name) - set(whole.index))
            assert (one["runs"], one["x"]) == (len(rows), "epoch")
            assert one["unit"] == pytest.approx(unit)
            assert one["best_x"] == whole.mean().idxmax()
            for point in one["points"]:
                assert point["score"] == pytest.approx(whole[point["x"]].mean(), abs=1e-9)
                same_mean(point["change"], whole[point["x"]] - whole[1])
            assert [point["x"] for point in one["points"]] == list(range(1, 11))


def test_heat_maps(document, frame, grids):
    assert len(document["heat_maps"]) == sum(grid.notna().any().any() for grid in grids.values())
    for one in document["heat_maps"]:
        grid = grids[one["method"], one["task"]]
        assert (one["models"], one["datasets"]) == (list(grid.index), list(grid.columns))
        moved = grid.sub(grid.mean(axis=1), axis=0)
        assert np.array(one["centred"], dtype=float) == pytest.approx(moved.to_numpy(), abs=1e-9, nan_ok=True)
        if one["task"] == OVERALL:
            assert one["gains"] == []
        elif one["gains"]:
            gains = grid.sub(base(frame, one["task"]), axis=0).to_numpy()
            assert np.array(one["gains"], dtype=float) == pytest.approx(gains, abs=1e-9, nan_ok=True)


def test_suspicious_baselines(document, frame, settings):
    found = {(one["model"], one["task"]): one for one in document["suspicious_baselines"]}
    copies = copied_pairs(frame, settings)
    expected = {}
    for model in frame.model_name.unique():
        for task, spec in settings["tasks"].items():
            value = base(frame, task).get(model)
            runs = frame[(frame.model_name == model) & (frame.data_name != "pretrain")][task].dropna()
            if value is None or np.isnan(value):
                continue
            line = frame[(frame.model_name == model) & (frame.data_name == "pretrain")].line.item()
            low, high = spec["scale"]
            reasons = []
            if any(line in pair and task in columns for pair, columns in copies.items()):
                reasons.append("copied")
            if len(runs) and value <= low + 0.01 * (high - low) < runs.median():
                reasons.append("at the floor")
            if value < spec.get("chance", 0) / 2:
                reasons.append("below guessing")
            if len(runs) >= 10 and (runs > value).all():
                reasons.append("always beaten")
            if reasons:
                expected[model, task] = (value, reasons, runs.median() if len(runs) else None, len(runs))
    assert found.keys() == expected.keys()
    for key, (value, reasons, median, n) in expected.items():
        one = found[key]
        assert (one["value"], one["reasons"], one["runs"]) == (pytest.approx(value), reasons, n)
        assert one["median_of_runs"] == (None if median is None else pytest.approx(median))


def copied_pairs(frame, settings):
    """Lines of two rows with the same four long-decimal zero-shot scores, and all tasks in which they agree."""
    found = {}
    telling = ["BoolQ", "HellaSwag", "MMLU", "NaturalQuestions", "GSM8K"]
    for _, rows in frame.groupby(telling):
        for (_, a), (_, b) in combinations(rows.iterrows(), 2):
            found[a.line, b.line] = [task for task in settings["tasks"] if a[task] == b[task]]
    return found


def test_findings(document, frame, settings, tasks):
    by_check = {}
    for one in document["findings"]:
        by_check.setdefault(one["check"], []).append(one)
    pairs = copied_pairs(frame, settings)
    assert len(pairs) == 30
    (copy,) = by_check["identical rows"]
    assert tuple(copy["lines"]) in pairs
    assert copy["columns"] == pairs[tuple(copy["lines"])]
    assert copy["count"] == frame.loc[frame.line == copy["lines"][0], tasks].notna().sum(axis=1).item() == 29
    partly = by_check["partly identical rows"]
    assert sum(one["count"] for one in partly) == 29
    assert {line for one in partly for line in one["lines"]} == {
        line for pair in pairs for line in pair if pair != tuple(copy["lines"])
    }
    for one in partly:
        inside = [set(columns) for pair, columns in pairs.items() if set(pair) <= set(one["lines"])]
        assert len(inside) == one["count"]
        assert set(one["columns"]) == set.intersection(*inside)
        assert f"{one['count']} pair" in one["text"]
        assert f"the same {len(one['columns'])} scores" in one["text"]
    patterns = {}
    for task in tasks:
        lines = tuple(frame.line[frame[task].isna()])
        if lines:
            patterns.setdefault(lines, []).append(task)
    assert {tuple(one["lines"]): one["columns"] for one in by_check["missing scores"]} == patterns
    assert all(one["count"] == len(one["lines"]) * len(one["columns"]) for one in by_check["missing scores"])
    (mixed,) = by_check["mixed scales"]
    assert mixed["columns"] == [task for task in tasks if frame[task].max() <= 1]
    (empty,) = by_check["nearly empty column"]
    assert empty["columns"] == [task for task in tasks if frame[task].notna().mean() < 0.5]
    assert empty["count"] == frame["LongBench v2"].isna().sum() == 994
    assert "33 of 1,027 rows only; 32 of these are 0" in empty["text"]
    (hole,) = by_check["missing runs"]
    assert hole["text"] == "full: 1 of 110 cells hold no run: Gemma2-9B on magicoder"
    baselines = document["suspicious_baselines"]
    for reason in ("at the floor", "below guessing", "always beaten"):
        for one in by_check[f"baseline {reason}"]:
            mine = [b for b in baselines if reason in b["reasons"] and [b["task"]] == one["columns"]]
            assert one["count"] == len(mine) > 0
            assert all(f"{b['model']} {b['value']:.3g}" in one["text"] for b in mine)
    for one in by_check["baseline copied"]:
        assert any(
            one["columns"] == [b["task"] for b in baselines if b["model"] == m and "copied" in b["reasons"]]
            for m in frame.model_name.unique()
        )
        assert one["count"] == len(one["columns"])
    expected = {"identical rows", "partly identical rows", "missing scores", "mixed scales", "nearly empty column", "missing runs",
            "baseline at the floor", "baseline below guessing", "baseline always beaten", "baseline copied"}  # fmt: skip
    assert by_check.keys() == expected


NUMBER = re.compile(r"[+\N{MINUS SIGN}]?\d[\d,]*(?:\.\d+)?")


def leaves(value):
    if isinstance(value, dict):
        return [leaf for one in value.values() for leaf in leaves(one)]
    if isinstance(value, list):
        return [float(len(value)), *(leaf for one in value for leaf in leaves(one))]
    return [float(value)] if isinstance(value, int | float) and not isinstance(value, bool) else []


def assert_numbers(text, allowed, where):
    """Every number of a text is one of the allowed ones, rounded to the decimals that it shows."""
    text = re.sub(r"95\s%", "", text)
    for name in ("20k", "10k", "1k", "1-shot", "4-shot", "5-shot", "10-shot", "25-shot"):
        text = text.replace(name, "")
    for token in NUMBER.findall(text):
        shown = token.replace(",", "").replace("\N{MINUS SIGN}", "-")
        half = 0.5 * 10.0 ** -len(shown.partition(".")[2]) + 1e-9
        assert any(abs(float(shown) - one) <= half for one in allowed), (where, token, text)


@pytest.fixture(scope="module")
def page(out):
    return lxml.html.fromstring((out / "analyze.html").read_text(encoding="utf-8"))


def records(document):
    """Table -> one record of the document per row, in order."""
    found = {"findings": document["findings"], "baselines": document["suspicious_baselines"]}
    by_method = {m: [one for one in document["extremes"] if one["method"] == m] for m in METHODS}
    for n, method in enumerate(by_method):
        mine = by_method[method]
        found[f"extremes-{n}-main"] = mine[-1]["effects"]
        found[f"extremes-{n}-tasks"] = [
            [len(e["models"]), e["effects"][0]["effect"], e["effects"][-1]["effect"], e["lead"]] for e in mine
        ]
        found |= {f"extremes-{n}-{place}": one["effects"] for place, one in enumerate(mine[:-1])}
        agreed = [one for one in document["agreements"] if one["method"] == method]
        found[f"pairs-{n}"] = next(one for one in agreed if one["task"] == OVERALL)["pairs"]
        heat = next(one for one in document["heat_maps"] if (one["method"], one["task"]) == (method, OVERALL))
        found[f"heat-map-{n}"] = heat["centred"]
    found["predictions"] = [{k: v for k, v in one.items() if k != "models"} for one in document["predictions"]]
    found["left-out"] = [m for one in document["predictions"] if one["task"] == OVERALL for m in one["models"]]
    found["agreement"] = [
        {**{k: v for k, v in one.items() if k != "pairs"}, "shares": [100 * (one["general_share"] or 0), 100 * (one["by_chance"] or 0)]}
        for one in document["agreements"]
    ]  # fmt: skip
    for n, name in enumerate(dict.fromkeys(one["comparison"] for one in document["comparisons"])):
        found[f"comparison-{n}"] = [one for one in document["comparisons"] if one["comparison"] == name]
    for n, name in enumerate(dict.fromkeys(one["name"] for one in document["curves"])):
        found[f"curve-0-{n}"] = [
            [one["points"], one["models"], one["best_x"]] for one in document["curves"] if one["name"] == name
        ]
    found["forecasts"] = [
        [{k: v for k, v in one.items() if k not in ("groups", "runs")}, percents(one)] for one in document["forecasts"]
    ]
    found["forecast-groups"] = [group for one in document["forecasts"] for group in one["groups"]]
    found["forecast-sentences"] = [
        None for one in document["forecasts"] for _ in range(1 + bool(one["constant"]) + len(one["left_out"]))
    ]
    return found


def percents(forecast):
    return [100 * v for k, v in forecast.items() if "coverage" in k and v is not None]


def test_every_number_of_every_table_on_the_page_is_in_its_record(page, document):
    expected = records(document)
    tables = {table.get("id"): table for table in page.xpath("//table")}
    assert tables.keys() - {"file-digests"} == expected.keys()
    cells = 0
    for key, rows in expected.items():
        shown = tables[key].xpath(".//tbody/tr")
        assert len(shown) == len(rows), key
        for row, record in zip(shown, rows, strict=True):
            allowed = [*leaves(record), 0.001]  # a p below it is written as such
            for cell in row.xpath("./td"):
                if "number" in cell.get("class"):
                    cells += 1
                    assert_numbers(cell.text_content(), allowed, key)
                    sort = float(cell.get("data-sort"))
                    assert sort == -math.inf or sort in allowed, (key, cell.text_content())
    assert cells > 6000


def test_every_number_in_short_is_in_the_document(page, document):
    overall = [
        {k: v for k, v in one.items() if k != "pairs"}
        for part in ("extremes", "predictions", "agreements", "comparisons", "curves")
        for one in document[part]
        if one["task"] == OVERALL
    ]
    severities = [one["severity"] for one in document["findings"]]
    extra = [severities.count("serious"), severities.count("note"), 0.05]
    shares = [100 * one[key] for one in overall for key in ("general_share", "by_chance") if key in one]
    allowed = leaves([overall, document["source"], document["tests"], document["methods"]]) + extra + shares
    for name in dict.fromkeys(one["name"] for one in document["forecasts"]):
        found = [one for one in document["forecasts"] if one["name"] == name]
        verdicts = [one["verdict"] for one in found]
        allowed += [90, len(found), *map(verdicts.count, ("narrower", "not narrower", "wider", "no number"))]
        allowed += leaves([[one["ratio"], percents(one)] for one in found])
    for paragraph in page.xpath("//section[@id='glance']//p"):
        assert_numbers(paragraph.text_content(), allowed, "glance")


def test_every_number_of_every_plot_is_in_the_document(page, document):
    plots = json.loads(page.xpath("//script[@id='plot-data']")[0].text)
    allowed = set(leaves(document))
    for one in document["comparisons"]:
        allowed |= {one["over_models"][key] / one["unit"] for key in ("estimate", "ci_low", "ci_high")}
    assert len(plots) == 2 + 3 + 1 + 2 + 2
    numbers = [n for plot in plots.values() for n in leaves({k: v for k, v in plot.items() if k != "limit"})]
    assert len(numbers) > 8000
    assert [n for n in numbers if n not in allowed and n != int(n)] == []


def test_the_markdown_holds_the_same_tables(out, page):
    text = (out / "analyze.md").read_text(encoding="utf-8")
    assert len(re.findall(r"^\| -|^\| *---", text, flags=re.MULTILINE)) == len(page.xpath("//table"))
