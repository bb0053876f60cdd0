"""A recommendation that is killed at any moment goes on, and ends with the rows and figures of an undisturbed one."""

from __future__ import annotations

import json
import random
import signal
from pathlib import Path

import pytest
from warm import Warm

IMPORTS = """
import accelerate, torch, transformers.trainer, pyarrow.parquet
import transformers.models.llama.modeling_llama
import dataselect.cli.recommend, dataselect.recommendation.run
"""
MOMENTS = [(1, "rows.parquet"), (1, "clean"), (1, "plan.json"), (3, "search"), (9, "model"), (2, "final"), (1, "looks")]
"""The n-th write to a path with this text in it."""


@pytest.fixture(scope="module")
def warm(tmp_path_factory):
    one = Warm(tmp_path_factory.mktemp("warm"), IMPORTS)
    yield one
    one.stop()


@pytest.fixture(scope="module")
def command(tmp_path_factory, tiny_model) -> list[str]:
    """Two small pools and a task; random rows of either and of both."""
    folder, rng = tmp_path_factory.mktemp("files"), random.Random(3)

    def write(name: str, answer: str, rows: int) -> str:
        made = [
            {"prompt": f"What is {rng.randrange(10**6)} called in the book of {rng.randrange(10**6)}?",
             "response": f"{answer} {rng.randrange(10**6)}"} for _ in range(rows)
        ]  # fmt: skip
        (folder / name).write_text("".join(json.dumps(row) + "\n" for row in made))
        return str(folder / name)

    recipe = folder / "recipe.yaml"
    recipe.write_text("learning_rate: 0.03\nbatch_size: 4\n")
    pools = [write("a.jsonl", "it is called number", 60), write("b.jsonl", "zzz qqq xxx kkk", 60)]
    return [
        "recommend", *pools, "--model", str(tiny_model), "--task", write("task.jsonl", "it is called number", 44),
        "--train-tokens", "9000", "--strategies", "random", "--config", str(recipe),
    ]  # fmt: skip


def answer(out: Path) -> tuple[bytes, dict]:
    """The rows, and the document without what a clock or a folder says."""
    document = json.loads((out / "recommendation.json").read_text())
    for name in ("minutes", "sentence", "file", "plan"):
        del document[name]
    return (out / "recommended.jsonl").read_bytes(), document


@pytest.fixture(scope="module")
def undisturbed(warm, command, tmp_path_factory):
    out = tmp_path_factory.mktemp("whole") / "answer"
    started = warm.start(*command, "--out", str(out))
    assert started.wait() == 0, started.err
    rows, document = answer(out)
    assert document["decision"] == "better", "so that the rows are those of a finalist"
    return rows, document


@pytest.mark.parametrize("moment", MOMENTS, ids=lambda moment: f"{moment[1]}-{moment[0]}")
def test_killed_and_started_again(warm, command, undisturbed, tmp_path, moment) -> None:
    """The second command ends with the same bytes of rows and the same figures."""
    out = tmp_path / "answer"
    killed = warm.start(*command, "--out", str(out), die_at=moment)
    assert killed.wait() == -signal.SIGKILL, killed.err
    again = warm.start(*command, "--out", str(out))
    assert again.wait() == 0, again.err
    assert answer(out) == undisturbed
