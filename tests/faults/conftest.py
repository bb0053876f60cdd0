"""Every command with small inputs, run in forks of one warm process in which calls of the system can be made to fail."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from warm import Warm

IMPORTS = """
import faiss, pyarrow.csv, pyarrow.json, pyarrow.parquet, sklearn.feature_extraction.text, sklearn.utils.extmath, torch
import scipy.stats, scipy.optimize, transformers, accelerate, peft
import transformers.models.llama.modeling_llama, transformers.integrations.executorch
import dataselect.cli as cli
from transformers import Trainer, TrainingArguments
for name in cli.COMMANDS:
    cli.group.get_command(None, name)
import dataselect.comparison, dataselect.embeddings, dataselect.evaluation, dataselect.recommendation.quickstart
import dataselect.explanation, dataselect.layers, dataselect.run_analysis, dataselect.pool_ranking, dataselect.reports
import dataselect.scoring.verify.run, dataselect.selection, dataselect.tokens, dataselect.training
import dataselect.backends.transformers, dataselect.scoring.estimate.run, dataselect.embeddings.causal
"""


@pytest.fixture(scope="session")
def failing_calls(tmp_path_factory) -> Path:
    """The library that lets calls fail."""
    if shutil.which("cc") is None:
        pytest.skip("there is no C compiler (cc) to build the library that lets calls fail")
    built = tmp_path_factory.mktemp("calls") / "failing_calls.so"
    source = Path(__file__).with_name("failing_calls.c")
    subprocess.run(["cc", "-O1", "-shared", "-fPIC", "-o", built, source, "-ldl"], check=True)
    return built


@pytest.fixture(scope="session")
def dataselect(tmp_path_factory, failing_calls):
    """The command line, in forks of a process that has imported everything."""
    one = Warm(tmp_path_factory.mktemp("warm"), IMPORTS, failing_calls)
    yield one
    one.stop()


def write_lines(path: Path, rows: list[dict[str, object]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@dataclass(frozen=True)
class Place:
    """A folder with finished inputs for every command."""

    folder: Path
    model: Path

    def __getattr__(self, name: str) -> Path:
        return self.folder / name

    def commands(self, out: Path) -> dict[str, list[object]]:
        """Every command with its arguments, writing into the folder `out`, which is there."""
        here, model = self.folder, self.model
        quick = ["--backend", "transformers", "--no-cache"]
        return {
            "show": ["show", here / "pool.jsonl", "--model", model],
            "audit": ["audit", here / "pool.jsonl", "--task", here / "task.jsonl", "--out", out / "audited"],
            "score": ["score", here / "pool.jsonl", "--model", model, *quick, "--ifd", "--tokens", "--out", out / "s"],
            "estimate": ["score", here / "pool.jsonl", "--model", model, *quick, "--estimate"],
            "verify": ["verify", here / "pool.jsonl", "--model", model, "--backend", "transformers", "--rows", 4,
                       "--out", out / "verified"],
            "embed": ["embed", here / "pool.jsonl", "--encoder", "tfidf", "--dim", 4, "--target", here / "task.jsonl",
                      "--out", out / "e"],
            "rank": ["rank", here / "pool.jsonl", here / "other.jsonl", "--model", model, "--backend", "transformers",
                     "--no-cache", "--encoder", here / "embeddings", "--target", here / "task.jsonl", "--out", out / "ranked"],
            "select": ["select", here / "pool.jsonl", "--strategy", "ppl-low", "--scores", here / "scores", "--budget",
                       6, "--out", out / "chosen.jsonl"],
            "verify-selection": ["verify-selection", here / "a.jsonl"],
            "explain": ["explain", here / "a.jsonl", "row-3", "--out", out / "explained"],
            "diff": ["diff", here / "a.jsonl", here / "b.jsonl", "--out", out / "different"],
            "train": ["train", here / "a.jsonl", "--model", model, "--max-steps", 2, "--batch-size", 2, "--out",
                      out / "tuned"],
            "train --lora": ["train", here / "a.jsonl", "--model", model, "--max-steps", 2, "--batch-size", 2, "--lora",
                             "--out", out / "adapted"],
            "evaluate": ["evaluate", "--model", here / "tuned", "--task", here / "task.jsonl", "--backend",
                         "transformers", "--out", out / "result"],
            "run": ["run", here / "run.yaml", "--out", out / "experiment"],
            "recommend": ["recommend", here / "pool.jsonl", here / "other.jsonl", "--model", model, "--task",
                          here / "task.jsonl", "--strategies", "ppl-low", "--encoder", "tfidf", "--train-tokens", 20_000,
                          "--out", out / "answer"],
            "compare": ["compare", here / "results" / "a", here / "results" / "b", "--out", out / "compared"],
            "report": ["report", here / "comparison", "--out", out / "report.html"],
            "analyze": ["analyze", here / "runs.csv", "--config", here / "analyze.yaml", "--out", out / "analyzed"],
            "layers": ["layers", model, f"one={here / 'tuned'}", "--out", out / "layers"],
            "tokens": ["tokens", here / "scores", "--out", out / "tokens"],
            "validate": ["validate", here / "run.yaml"],
            "quickstart": ["quickstart", "--out", out / "quickstart"],
        }  # fmt: skip


@pytest.fixture(scope="session")
def place(tmp_path_factory, dataselect, tiny_model) -> Place:
    here = tmp_path_factory.mktemp("place")
    rows = [
        {"id": f"row-{i}", "prompt": f"Count to {i}, then stop.", "response": f"The number is {i}. " * (1 + i % 5)}
        for i in range(24)
    ]
    write_lines(here / "pool.jsonl", rows)
    write_lines(
        here / "other.jsonl", [{**row, "id": f"other-{i}", "prompt": f"Say {i}."} for i, row in enumerate(rows)]
    )
    write_lines(
        here / "task.jsonl",
        [{"prompt": f"What follows {i}?", "response": f"After {i} comes {i + 1}."} for i in range(6)],
    )
    place = Place(here, tiny_model)
    settings = {
        "model": str(tiny_model), "pools": ["pool.jsonl"], "tasks": ["task.jsonl"], "strategies": ["ppl-low"],
        "budgets": ["25%"], "training": {"epochs": 1, "batch_size": 8},
    }  # fmt: skip
    (here / "run.yaml").write_text(yaml.safe_dump(settings))
    lines = ["model,data,seed,ppl,gain"]
    lines += [f"m{m},none,0,,0.5" for m in range(3)]
    lines += [f"m{m},d{d},0,{2 + d * 0.5 + m * 0.1},{1 - d * 0.1 + m * 0.01}" for m in range(3) for d in range(6)]
    (here / "runs.csv").write_text("\n".join(lines) + "\n")
    (here / "analyze.yaml").write_text(yaml.safe_dump(ANALYZE))

    def make(*arguments):
        ended = dataselect(*arguments)
        assert ended.code == 0, ended.err

    model = ["--model", tiny_model]
    make("score", here / "pool.jsonl", *model, "--backend", "transformers", "--tokens", "--out", here / "scores")
    embed = ["--encoder", "tfidf", "--dim", 4, "--target", here / "task.jsonl"]
    make("embed", here / "pool.jsonl", *embed, "--out", here / "embeddings")
    for name, strategy in (("a", "ppl-low"), ("b", "random")):
        scores = ["--scores", here / "scores", "--embeddings", here / "embeddings"]
        make(
            "select",
            here / "pool.jsonl",
            "--strategy",
            strategy,
            *scores,
            "--budget",
            6,
            "--out",
            here / f"{name}.jsonl",
        )
        out = here / ("tuned" if name == "a" else "tuned-b")
        make("train", here / f"{name}.jsonl", *model, "--max-steps", 1, "--batch-size", 2, "--out", out)
        make("evaluate", "--model", out, "--task", here / "task.jsonl", "--out", here / "results" / name)
    make("compare", here / "results" / "a", here / "results" / "b", "--out", here / "comparison")
    return place


ANALYZE: dict[str, object] = {
    "columns": {"model": "model", "data": "data", "conditions": ["seed"]},
    "tasks": {"gain": {"column": "gain", "direction": "higher"}},
    "baseline": {"data": "none"},
    "properties": {"perplexity": {"column": "ppl"}},
    "resamples": 100, "permutations": 100,
}  # fmt: skip
