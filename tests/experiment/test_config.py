"""The configuration of an experiment: what is refused before anything runs, and which cells it makes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import yaml

from dataselect.cli import run
from dataselect.errors import ConfigError
from dataselect.experiment import ExperimentConfig, read_config
from dataselect.experiment.cells import Cell, cells

GOOD = {
    "pools": ["pool.jsonl"],
    "tasks": ["task.jsonl"],
    "strategies": ["ppl-low", "ifd-high"],
    "budgets": ["10%", "40"],
}


@pytest.fixture
def write(tmp_path):
    for name in ("pool.jsonl", "task.jsonl", "dev.jsonl"):
        rows = [{"prompt": f"a{n}", "response": "b"} for n in range(100)]
        (tmp_path / name).write_text("".join(json.dumps(row) + "\n" for row in rows))

    def write_config(**changes):
        path = tmp_path / "c.yaml"
        path.write_text(yaml.safe_dump({k: v for k, v in {**GOOD, **changes}.items() if v is not None}))
        return path

    return write_config


def test_paths_are_relative_to_the_file_and_names_stay_names(write, tmp_path):
    config = read_config(write(tasks=["task.jsonl", "arc_easy"]))
    assert config.pools == (str(tmp_path / "pool.jsonl"),)
    assert config.tasks == (str(tmp_path / "task.jsonl"), "arc_easy")


def test_controls_come_by_themselves(write):
    made = list(cells(read_config(write(budgets=["10%"]))))
    assert [(c.strategy, c.seed, c.matches) for c in made] == [
        ("untrained", 0, None), ("full", 0, None),
        ("random", 0, None), ("random", 1, None), ("random", 2, None),
        *((name, seed, matches and f"{matches}-at-10pct-seed-{seed}") for seed in (0, 1, 2) for name, matches in (
            ("longest", None), ("ppl-low", None), ("length-matched-random", "ppl-low"),
            ("ifd-high", None), ("length-matched-random", "ifd-high"),
        )),
    ]  # fmt: skip


def test_cells_are_budgets_times_seeds(write):
    made = list(cells(read_config(write(seeds=[0, 1], length_matched=[]))))
    assert len(made) == 2 + 2 * (3 + 2 * 3)
    assert len({c.name for c in made}) == len(made)


def test_a_cells_name_is_fit_for_a_file():
    assert Cell("ppl-low", "12.5%", 3).name == "ppl-low-at-12.5pct-seed-3"
    control = Cell("length-matched-random", "20000tok", 0, matches="ppl-low-at-20000tok-seed-0")
    assert control.name == "length-matched-random-of-ppl-low-at-20000tok-seed-0"


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"strategies": ["ppl-lo"]}, "did you mean ppl-low"),
        ({"budgets": ["-3"]}, "-3"),
        ({"pools": ["nowhere.jsonl"]}, "nowhere.jsonl does not exist"),
        ({"random_seeds": [0, 1]}, "at least three"),
        ({"strategies": ["similarity"]}, "none is given"),
        ({"strategies": ["rds-plus"]}, "none is given"),
        ({"strategies": ["dsir"]}, "none is given"),
        ({"params": {"ppl-low": {"depth": 3}}}, "depth"),
        ({"params": {"ppl-high": {}}}, "ppl-high is not among the strategies"),
        ({"length_matched": ["ppl-mid"]}, "ppl-mid is not among the strategies"),
        ({"model": "no/such/model/here"}, "no/such/model/here"),
        ({"training": {"learning_rate": -1.0}}, "learning_rate"),
        ({"training": {"seed": 3}}, "training.seed is set by the matrix"),
        ({"rendering": {"template": "chatt"}}, "did you mean chat"),
        ({"budgets": None}, "budgets: missing"),
    ],
)
def test_faults_are_found_without_running_a_model(write, changes, told):
    with pytest.raises(ConfigError, match=told):
        read_config(write(**changes))


@pytest.mark.parametrize(
    ("strategy", "embeddings", "targets"),
    [
        ("ppl-low", False, False), ("similarity", True, True), ("rds-plus", True, True), ("k-center", True, False),
        ("dsir", False, True),
    ],
)  # fmt: skip
def test_the_pool_is_embedded_and_a_target_asked_for_where_a_strategy_looks(write, strategy, embeddings, targets):
    config = read_config(write(strategies=[strategy], targets=["dev.jsonl"]))
    assert (config.wants_embeddings, config.wants_targets) == (embeddings, targets)


def test_three_mistakes_are_reported_at_once_in_one_line(write, capsys):
    path = write(strategies=["ppl-lo"], budgets=["many"], pools=["nowhere.jsonl"])
    assert run(["validate", str(path)]) == 1
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert "3 faults" in told
    assert all(word in told for word in ("ppl-lo", "many", "nowhere.jsonl"))


def test_validate_says_what_would_run(write, capsys):
    assert run(["validate", str(write())]) == 0
    assert "37 models to train" in capsys.readouterr().err


def test_the_template_in_configs_is_valid_and_shows_the_defaults(tmp_path):
    source = Path(__file__).resolve().parents[2] / "configs" / "experiment.yaml"
    shutil.copy(source, tmp_path / "experiment.yaml")
    for name in ("pool.jsonl", "test.jsonl"):
        (tmp_path / name).write_text(json.dumps({"prompt": "a", "response": "b"}) + "\n")
    shown = read_config(tmp_path / "experiment.yaml")
    required = {name: getattr(shown, name) for name in ("pools", "tasks", "strategies", "budgets")}
    assert shown == ExperimentConfig(**required)
