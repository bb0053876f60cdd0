"""A whole small experiment with a real model, which is also stopped and resumed."""

from __future__ import annotations

import json
import shutil

import pytest
import yaml

from dataselect.artifacts import read_json
from dataselect.errors import ArtifactError, DataselectError
from dataselect.experiment import read_config, run_experiment
from dataselect.experiment.quickstart import write_quickstart

DIFFERENCE = ("diff_to_random", "ci_low", "ci_high", "p")


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    """32 rows of the quickstart pool, four strategies fewer, budgets in tokens and examples."""
    folder = tmp_path_factory.mktemp("config")
    files = write_quickstart(folder / "data")
    lines = files.pool.read_text().splitlines()[:32]
    (folder / "pool.jsonl").write_text("\n".join(lines) + "\n")
    tasks = files.tasks["dialogue"].read_text().splitlines()[:6]
    (folder / "task.jsonl").write_text("\n".join(tasks) + "\n")
    path = folder / "small.yaml"
    settings = {
        "pools": ["pool.jsonl"], "tasks": ["task.jsonl"], "strategies": ["ppl-low"], "budgets": ["25%"],
        "training": {"epochs": 1, "batch_size": 8}, "known_defects": "data/defects.jsonl",
    }  # fmt: skip
    path.write_text(yaml.safe_dump(settings))
    return path


@pytest.fixture(scope="module")
def experiment(config, tmp_path_factory):
    out = tmp_path_factory.mktemp("experiment") / "out"
    said: list[str] = []
    return run_experiment(read_config(config), config, out, said.append), said


def test_every_control_stands_beside_the_strategy(experiment):
    summary, _ = experiment
    rows = [row for row in read_json(summary.out / "comparison" / "comparison.json")["rows"] if row["metric"] == "nll"]
    assert {(row["strategy"], row["budget"], row["n_seeds"]) for row in rows} == {
        ("untrained", 0, 1), ("full", 32, 1), ("random", 8, 3), ("longest", 8, 3), ("ppl-low", 8, 3),
        ("length-matched-random:ppl-low", 8, 3),
    }  # fmt: skip
    by_name = {row["strategy"]: row for row in rows}
    assert by_name["full"]["estimate"] < by_name["untrained"]["estimate"]  # training on the pool lowers the loss
    for name in ("ppl-low", "longest"):
        assert all(by_name[name][key] is not None for key in DIFFERENCE)
        assert by_name[name]["verdict"] in ("better", "worse", "no difference shown")


def test_the_report_is_one_file_in_both_forms(experiment):
    summary, _ = experiment
    assert "ppl-low" in summary.report.read_text()
    assert "ppl-low" in (summary.out / "report.md").read_text()
    assert summary.report.stat().st_size < 10_000_000


def test_the_chain_of_manifests_leads_from_a_result_to_its_pool(experiment):
    out = experiment[0].out
    cell = "ppl-low-at-25pct-seed-0"
    result, model = (read_json(out / kind / cell / "manifest.json") for kind in ("results", "models"))
    selection = read_json(out / "selections" / f"{cell}.manifest.json")
    assert result["run"]["strategy"] == model["run"]["strategy"] == selection["strategy"] == "ppl-low"
    assert selection.pop("seal")
    assert model["selection"] == selection
    pool = next(one for one in selection["inputs"] if one["role"] == "pool")
    assert pool["sha256"] == read_json(out / "scores" / "manifest.json")["inputs"][0]["sha256"]


def test_running_again_repeats_nothing(experiment, config):
    out = experiment[0].out
    before = {p: p.stat().st_mtime_ns for p in out.rglob("*") if p.is_file() and p.name != ".lock" and p.parent != out}
    again = run_experiment(read_config(config), config, out)
    assert {p: p.stat().st_mtime_ns for p in before} == before
    assert again.comparison.rows == experiment[0].comparison.rows


def test_a_stopped_experiment_goes_on_with_what_is_missing(experiment, config, tmp_path):
    out = tmp_path / "out"
    shutil.copytree(experiment[0].out, out)
    for lost in ("models/longest-at-25pct-seed-0", "results/longest-at-25pct-seed-0", "comparison"):
        shutil.rmtree(out / lost)
    for lost in ("manifest.json", "report.html"):
        (out / lost).unlink()
    kept = (out / "models" / "full-at-100pct-seed-0" / "manifest.json").stat().st_mtime_ns
    again = run_experiment(read_config(config), config, out)
    assert again.comparison.rows == experiment[0].comparison.rows  # the same seed gives the same model
    assert (out / "models" / "full-at-100pct-seed-0" / "manifest.json").stat().st_mtime_ns == kept
    assert again.report.exists()


def test_another_configuration_in_the_same_folder_is_refused_by_name(experiment, config, tmp_path):
    other = tmp_path / "other.yaml"
    values = yaml.safe_load(config.read_text())
    other.write_text(yaml.safe_dump({**values, "budgets": ["50%"]}))
    for name in ("pool.jsonl", "task.jsonl", "data"):
        (tmp_path / name).symlink_to(config.parent / name)
    with pytest.raises(ArtifactError, match=r"config\.budgets\[0\]"):
        run_experiment(read_config(other), other, experiment[0].out)


def test_a_stage_that_fails_is_told_and_leaves_nothing_that_looks_finished(config, tmp_path):
    broken = tmp_path / "broken.yaml"
    (tmp_path / "pool.jsonl").write_text(json.dumps({"prompt": "a", "response": ""}) + "\n")
    (tmp_path / "task.jsonl").symlink_to(config.parent / "task.jsonl")
    values = {**yaml.safe_load(config.read_text()), "known_defects": None}
    broken.write_text(yaml.safe_dump(values))
    with pytest.raises(DataselectError, match="nothing in the pool could be scored"):
        run_experiment(read_config(broken), broken, tmp_path / "out")
    assert not (tmp_path / "out" / "manifest.json").exists()
