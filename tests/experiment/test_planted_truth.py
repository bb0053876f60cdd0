"""Experiments whose answer is known: a pool of which one half helps, and a pool that holds nothing but noise."""

from __future__ import annotations

import json
import random

import pytest
import yaml

from dataselect.experiment import read_config, run_experiment
from dataselect.experiment.quickstart import write_quickstart

ROWS = 64


def noise(n: int) -> str:
    """Words without meaning, as long as a short answer."""
    draw = random.Random(n)
    return " ".join("".join(draw.choices("abcdefghijklmnopqrstuvwxyz", k=draw.randint(2, 9))) for _ in range(18))


@pytest.fixture(scope="module")
def dialogues(tmp_path_factory):
    """Dialogues of the quickstart pool, and held-out ones of the same kind."""
    files = write_quickstart(tmp_path_factory.mktemp("data"))
    pool = [json.loads(line) for line in files.pool.read_text().splitlines()]
    defects = {json.loads(line)["id"] for line in files.defects.read_text().splitlines()}
    held_out = files.tasks["dialogue"].read_text().splitlines()[:40]
    kind = json.loads(held_out[0])["kind"]
    return [row for row in pool if row["kind"] == kind and row["id"] not in defects][:ROWS], held_out


def garbled(row: dict, n: int) -> dict:
    """The same dialogue with noise for every answer."""
    messages = [
        {**message, "content": noise(100 * n + turn)} if message["role"] == "assistant" else message
        for turn, message in enumerate(row["messages"])
    ]
    return {**row, "messages": messages}


def rows_of(folder, records, held_out, strategies):
    (folder / "pool.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    (folder / "task.jsonl").write_text("\n".join(held_out) + "\n")
    settings = {
        "pools": ["pool.jsonl"], "tasks": ["task.jsonl"], "strategies": strategies, "budgets": ["40%"],
        "without": ["full", "longest", "length-matched-random"],
        "training": {"epochs": 2, "learning_rate": 1e-3, "batch_size": 8},
    }  # fmt: skip
    (folder / "c.yaml").write_text(yaml.safe_dump(settings))
    config = folder / "c.yaml"
    summary = run_experiment(read_config(config), config, folder / "out")
    return {row.strategy: row for row in summary.comparison.rows if row.metric == "nll"}


def test_the_half_that_helps_is_found(dialogues, tmp_path):
    good, held_out = dialogues
    half = [row if n % 2 else garbled(row, n) for n, row in enumerate(good)]
    rows = rows_of(tmp_path, half, held_out, ["ppl-low", "ppl-high"])
    low, high = rows["ppl-low"], rows["ppl-high"]
    assert low.direction == "lower"
    assert low.verdict == "better"
    assert low.ci_high < 0
    assert high.verdict == "worse"
    assert high.ci_low > 0


def test_in_pure_noise_no_difference_is_shown(dialogues, tmp_path):
    good, held_out = dialogues
    rows = rows_of(tmp_path, [garbled(row, n) for n, row in enumerate(good)], held_out, ["ppl-low", "ppl-mid"])
    for name in ("ppl-low", "ppl-mid"):
        assert rows[name].verdict == "no difference shown"
        assert rows[name].ci_low < 0 < rows[name].ci_high
