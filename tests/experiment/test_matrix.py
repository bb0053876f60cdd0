"""Several settings in one experiment, variants of a strategy, and cells that fail or run side by side."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import threading
import time

import pytest
import yaml

from dataselect.artifacts import read_json
from dataselect.cli import run
from dataselect.errors import ConfigError
from dataselect.experiment import read_config, run_experiment
from dataselect.experiment.estimate import estimate_experiment
from dataselect.experiment.quickstart import write_quickstart

SMALL = {
    "pools": ["pool.jsonl"], "tasks": ["task.jsonl"], "strategies": ["ppl-low", "fair"], "budgets": ["25%"], "seeds": [0],
    "variants": {"fair": {"strategy": "ppl-low", "params": {"scope": "sequence"}, "length_control": "bins"}},
    "without": ["full", "longest", "length-matched-random"], "training": {"epochs": 1, "batch_size": 8},
}  # fmt: skip


@pytest.fixture(scope="module")
def write(tmp_path_factory):
    folder = tmp_path_factory.mktemp("config")
    files = write_quickstart(folder / "data")
    for source, name, rows in (
        (files.pool, "pool", 32),
        (files.pool, "other", 24),
        (files.tasks["dialogue"], "task", 6),
    ):
        lines = source.read_text().splitlines()[-rows:] if name == "other" else source.read_text().splitlines()[:rows]
        (folder / f"{name}.jsonl").write_text("\n".join(lines) + "\n")

    def write_config(name="c.yaml", **changes):
        path = folder / name
        path.write_text(yaml.safe_dump({k: v for k, v in {**SMALL, **changes}.items() if v is not None}))
        return path

    return write_config


def test_every_combination_is_a_setting(write):
    matrix = {"pools": {"a": ["pool.jsonl"], "b": ["other.jsonl"]}, "training": {"all": {}, "lora": {"lora": True}}}
    settings = read_config(write(matrix=matrix, pools=None)).settings
    assert [place.name for place in settings] == ["a-all", "a-lora", "b-all", "b-lora"]
    assert [place.scores for place in settings] == ["a", "a", "b", "b"]
    assert [one.training.lora for one in settings.values()] == [False, True, False, True]
    assert all(one.training.batch_size == 8 for one in settings.values())
    assert [one.pools[0].rsplit("/", 1)[-1] for one in settings.values()] == [
        "pool.jsonl", "pool.jsonl", "other.jsonl", "other.jsonl",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"matrix": {"training": {"lora": {"lorra": True}}}}, "lorra: unknown key"),
        ({"matrix": {"training": {"lora": {"seed": 1}}}}, "seed is set by the matrix"),
        ({"matrix": {"pools": {"a b": ["pool.jsonl"]}}}, "letters, digits"),
        ({"matrix": {"pools": {"a": ["nowhere.jsonl"]}}}, "nowhere.jsonl does not exist"),
        ({"matrix": {"model": {"a": "no/such/model"}}}, "no/such/model"),
        ({"variants": {"other": {"strategy": "ppl-low"}}, "strategies": ["ppl-low"]}, "other is not among"),
        ({"variants": {"fair": {"strategy": "ppl-lo"}}}, "did you mean ppl-low"),
        ({"variants": {"fair": {"strategy": "k-center", "length_control": "bins"}}}, "fair"),
        ({"variants": {"fair": {"strategy": "ppl-low", "filters": {"where": "ppl <"}}}}, "fair"),
        ({"without": ["random"]}, "without"),
    ],
)
def test_faults_are_found_before_anything_runs(write, changes, told):
    with pytest.raises(ConfigError, match=told):
        read_config(write("bad.yaml", **changes))


@pytest.fixture(scope="module")
def experiment(write, tmp_path_factory):
    """Two recipes, one of them LoRA."""
    config = write(
        "matrix.yaml", layers=True, matrix={"training": {"all": {}, "lora": {"lora": True, "learning_rate": 0.001}}}
    )
    out = tmp_path_factory.mktemp("matrix") / "out"
    return config, out, run_experiment(read_config(config), config, out)


def test_settings_are_compared_with_random_of_their_own(experiment):
    _, out, summary = experiment
    document = read_json(out / "comparison" / "comparison.json")
    rows = [row for row in document["rows"] if row["metric"] == "nll"]
    assert {(row["setting"], row["strategy"]) for row in rows} == {
        (setting, strategy) for setting in ("all", "lora") for strategy in ("untrained", "random", "ppl-low", "fair")
    }
    for setting in ("all", "lora"):
        own = read_json(out / "settings" / setting / "comparison" / "comparison.json")
        assert [{**row, "setting": setting} for row in own["rows"] if row["metric"] == "nll"] == [
            row for row in rows if row["setting"] == setting
        ]
    (low,) = [one for one in summary.comparison.across if (one.strategy, one.metric) == ("ppl-low", "nll")]
    differences = [row["diff_to_random"] for row in rows if row["strategy"] == "ppl-low"]
    assert (low.settings, low.mean, low.ci_low) == (("all", "lora"), pytest.approx(sum(differences) / 2), None)


def test_the_pool_is_scored_once_for_all_recipes(experiment):
    out = experiment[1]
    assert (out / "scores" / "scores.parquet").exists()
    assert read_json(out / "settings" / "lora" / "places.json") == {
        "embeddings": "../../embeddings", "scores": "../../scores",
    }  # fmt: skip


def test_a_variant_has_the_name_and_the_settings_that_it_was_given(experiment):
    manifest = read_json(experiment[1] / "settings" / "all" / "selections" / "fair-at-25pct-seed-0.manifest.json")
    assert (manifest["strategy"], manifest["label"], manifest["params"]["scope"]) == ("ppl-low", "fair", "sequence")
    assert manifest["length_control"]["method"] == "bins"


def test_the_report_of_all_settings_says_what_is_missing(experiment):
    out = experiment[1]
    for page in (out / "report.html", out / "settings" / "lora" / "report.html"):
        assert "Missing controls: full, longest, length-matched-random" in page.read_text()
    assert "Across settings" in (out / "report.md").read_text()


def test_every_setting_says_where_training_changed_its_models(experiment):
    out = experiment[1]
    for setting in ("all", "lora"):
        found = read_json(out / "settings" / setting / "comparison" / "comparison.json")["layers"]
        assert {run["name"] for run in found["runs"]} == {
            "random-at-25pct-seed-0", "random-at-25pct-seed-1", "random-at-25pct-seed-2", "ppl-low-at-25pct-seed-0",
            "fair-at-25pct-seed-0",
        }  # fmt: skip
        assert all(run["relative_change"] > 0 for run in found["runs"])
        assert found["correlations"]
        assert "Where training changed the models" in (out / "settings" / setting / "report.md").read_text()


def test_running_it_again_repeats_nothing(experiment):
    config, out, summary = experiment
    models = {path: path.stat().st_mtime_ns for path in out.glob("settings/*/*/**/*.parquet")}
    assert models
    again = run_experiment(read_config(config), config, out)
    assert again.comparison.rows == summary.comparison.rows
    assert {path: path.stat().st_mtime_ns for path in models} == models


def test_a_setting_that_fails_stops_no_other(write, tmp_path, capsys):
    path = tmp_path / "noise.jsonl"
    path.write_text('{"prompt": "a", "response": ""}\n')
    config = write("lost.yaml", matrix={"pools": {"good": ["pool.jsonl"], "empty": [str(path)]}}, pools=None)
    assert run(["run", str(config), "--out", str(tmp_path / "out")]) == 1
    told = capsys.readouterr().err
    assert "1 of the runs failed; the first, empty: nothing in the pool could be scored" in told.splitlines()[-1]
    document = read_json(tmp_path / "out" / "comparison" / "comparison.json")
    assert {row["setting"] for row in document["rows"]} == {"good"}
    assert document["failed"][0]["cell"] == "empty"


def test_a_cell_that_fails_stops_no_other_and_is_tried_again(write, tmp_path, capsys):
    config, out = write("single.yaml", strategies=["ppl-low"], variants={}), tmp_path / "out"
    foreign = out / "models" / "random-at-25pct-seed-1" / "mine.txt"
    arguments = ["run", str(config), "--out", str(out)]
    assert run(arguments) == 0
    whole = read_json(out / "comparison" / "comparison.json")
    for cell in ("random-at-25pct-seed-1", "ppl-low-at-25pct-seed-0"):
        shutil.rmtree(out / "models" / cell)
        shutil.rmtree(out / "results" / cell)
    shutil.rmtree(out / "comparison")
    (out / "manifest.json").unlink()
    foreign.parent.mkdir()
    foreign.write_text("not yours")
    capsys.readouterr()

    assert run([*arguments, "--workers", "2"]) == 1
    told = capsys.readouterr().err
    assert "1 of the runs failed; the first, random-at-25pct-seed-1" in told.splitlines()[-1]
    assert "Traceback" not in told
    document = read_json(out / "comparison" / "comparison.json")
    assert [one["cell"] for one in document["failed"]] == ["random-at-25pct-seed-1"]
    assert {row["n_seeds"] for row in document["rows"] if row["strategy"] == "random"} == {2}
    assert "1 run has no result" in (out / "report.md").read_text()
    assert foreign.read_text() == "not yours"
    assert not (out / "manifest.json").exists()

    foreign.unlink()
    assert run(arguments) == 0
    assert not (out / "failures.json").exists()
    again = read_json(out / "comparison" / "comparison.json")
    assert [row["n_seeds"] for row in again["rows"]] == [row["n_seeds"] for row in whole["rows"]]


def test_a_process_that_is_killed_is_one_failed_cell(write, tmp_path):
    config, out = write("killed.yaml", strategies=["longest"], variants={}), tmp_path / "out"

    def kill_one() -> None:
        deadline = time.monotonic() + 120
        while not (children := [p for p in multiprocessing.active_children() if p.name.startswith("Spawn")]):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        os.kill(children[0].pid, signal.SIGKILL)

    killer = threading.Thread(target=kill_one)
    killer.start()
    summary = run_experiment(read_config(config), config, out, workers=2)
    killer.join()
    assert len(summary.failed) == 1
    assert "signal 9" in summary.failed[0].reason
    assert len(summary.comparison.runs) >= 1


def test_the_estimate_counts_what_will_run(write, capsys):
    config = read_config(write("e.yaml", matrix={"training": {"all": {}, "twice": {"epochs": 2}}}))
    once, twice = estimate_experiment(config)
    assert (once.examples, once.trainings) == (32, 5)  # three random, ppl-low and fair
    assert once.training_tokens == pytest.approx(5 * 8 * once.tokens_per_row, abs=1)  # a quarter of 32 rows
    assert twice.training_tokens == pytest.approx(2 * once.training_tokens, abs=2)
    assert once.seconds > 0
    assert once.model_bytes > 1_000_000


def test_the_estimate_runs_nothing_and_is_told_in_words(write, tmp_path, capsys):
    config = write("single.yaml", strategies=["ppl-low"], variants={})
    assert run(["run", str(config), "--out", str(tmp_path / "out"), "--estimate"]) == 0
    told = capsys.readouterr().out
    assert [line.split()[0] for line in told.splitlines()] == [
        "pool",
        "scoring",
        "training",
        "evaluation",
        "disk",
        "time",
    ]
    assert "4 models" in told
    assert not (tmp_path / "out").exists()
