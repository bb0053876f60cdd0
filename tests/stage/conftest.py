"""The whole line run once over a small pool, with the real model: one finished stage of every command."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dataselect.cli import run
from dataselect.experiment.quickstart import write_quickstart

EXPERIMENT = """
pools: [pool.jsonl]
tasks: [test.jsonl]
model: builtin
strategies: [ppl-low]
budgets: [25%]
seeds: [0]
random_seeds: [0, 1, 2]
training: {max_steps: 1, batch_size: 8}
without: [untrained, full, longest, length-matched-random]
"""


def command_line(name: str, given: Path) -> list[str]:
    """The arguments of a command without --out, over the inputs in a folder."""
    pool, trained = str(given / "pool.jsonl"), ["--max-steps", "1", "--batch-size", "4"]
    return {
        "score": [pool, "--model", "builtin", "--ifd", "--tokens"],
        "embed": [pool, "--encoder", "builtin", "--target", str(given / "target.jsonl")],
        "rank": [pool, str(given / "other.jsonl"), "--model", "builtin", "--limit", "8"],
        "select": [pool, "--strategy", "ppl-mid", "--budget", "25%", "--scores", str(given / "scores")],
        "train": [str(given / "chosen.jsonl"), "--model", "builtin", *trained],
        "evaluate": ["--model", str(given / "model"), "--task", str(given / "test.jsonl")],
        "compare": [str(given / "results" / name) for name in ("chosen", "random-0", "random-1")],
        "report": [str(given / "comparison")],
        "layers": ["builtin", str(given / "model"), "--no-spectrum"],
        "tokens": [str(given / "scores")],
        "explain": [str(given / "chosen.jsonl"), "function-0004"],
        "diff": [str(given / "chosen.jsonl"), str(given / "random.jsonl")],
        "analyze": [str(given / "runs")],
        "run": [str(given / "experiment.yaml")],
    }[name]


@pytest.fixture(scope="session")
def call():
    """A function that runs a command over the inputs in a folder and returns its exit status."""

    def made(name: str, given: Path, out: Path, *more: str) -> int:
        return run([name, *command_line(name, given), "--out", str(out), *more])

    return made


@pytest.fixture(scope="session")
def line(tmp_path_factory, call) -> Path:
    """A folder of inputs and of one finished stage of every command; tests work on copies."""
    folder = tmp_path_factory.mktemp("line")
    files = write_quickstart(folder / "data")
    lines, held_out = files.pool.read_text().splitlines(), files.tasks["dialogue"].read_text().splitlines()
    for name, chosen in (
        ("pool", lines[:24]), ("other", lines[24:40]), ("test", held_out[:6]), ("target", held_out[6:10]),
    ):  # fmt: skip
        (folder / f"{name}.jsonl").write_text("".join(f"{line}\n" for line in chosen))
    assert "function-0004" in {json.loads(line)["id"] for line in lines[:24]}
    (folder / "experiment.yaml").write_text(EXPERIMENT)
    for name, out in (
        ("score", "scores"), ("embed", "embeddings"), ("rank", "ranked"), ("select", "chosen.jsonl"), ("train", "model"),
        ("evaluate", "results/chosen"), ("run", "runs"),
    ):  # fmt: skip
        with pytest.MonkeyPatch.context() as here:
            # of its own: a row that another stage scored among other rows differs in its last digits
            here.setenv("DATASELECT_CACHE", str(folder / "caches" / name))
            assert call(name, folder, folder / out) == 0
    random = ["select", str(folder / "pool.jsonl"), "--strategy", "random", "--budget", "8"]
    assert run([*random, "--out", str(folder / "random.jsonl")]) == 0
    for seed in range(2):
        cell = folder / "runs" / "models" / f"random-at-25pct-seed-{seed}"
        task = ["--task", str(folder / "test.jsonl"), "--out", str(folder / "results" / f"random-{seed}")]
        assert run(["evaluate", "--model", str(cell), *task]) == 0
    for name, out in (
        ("compare", "comparison"), ("report", "report.html"), ("layers", "layers"), ("tokens", "tokens"),
        ("explain", "explained"), ("diff", "diffed"), ("analyze", "analysis"),
    ):  # fmt: skip
        assert call(name, folder, folder / out) == 0
    return folder
