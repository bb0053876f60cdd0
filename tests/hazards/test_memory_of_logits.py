"""P24: logits of a whole batch at once, which end the engine: tokens x vocabulary x 4 bytes, and as much again for
their softmax. What is measured is the process's own peak, so that no way of making them would be missed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from dataselect.backends import TokenSequence

VOCABULARY, TOKENS = 151_936, 2_000
MIB = 2**20

CODE = """
import json, re, sys
from pathlib import Path
import torch
from transformers import AutoModelForCausalLM
from dataselect.pool import RenderOptions
from dataselect.scoring import ScoreRequest, score

def peak():  # of this process alone; getrusage begins with the peak of the process that started this one
    return int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]) * 1024

model, folder = sys.argv[1], Path(sys.argv[2])
def run(name):
    return score(ScoreRequest((str(folder / f"{name}.jsonl"),), model, folder / name, backend="transformers",
                              rendering=RenderOptions("qa"), ifd=True, batch_tokens=4096, cache=False)).counts
run("small")
before = peak()
counts = run("large")
ours = peak() - before
with torch.inference_mode():
    AutoModelForCausalLM.from_pretrained(model)(torch.ones(1, int(sys.argv[3]), dtype=torch.long)).logits.sum()
print(json.dumps({"counts": counts, "ours": ours, "full": peak() - before}))
"""


def write(path: Path, lengths: list[int]) -> None:
    path.write_text("".join(json.dumps({"question": "x" * n, "answer": "y" * n}) + "\n" for n in lengths))


def test_P24_full_logits_never_exist(make_model, tmp_path):
    model = make_model(vocabulary=VOCABULARY, positions=2 * TOKENS)
    write(tmp_path / "small.jsonl", [10, 20])
    write(tmp_path / "large.jsonl", [TOKENS // 2, *[40] * 20])
    command = [sys.executable, "-c", CODE, str(model), str(tmp_path), str(TOKENS)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    told = json.loads(done.stdout)
    logits = TOKENS * VOCABULARY * 4
    assert told["counts"]["ok"] == 21
    assert told["full"] > 0.9 * logits > 1_000 * MIB  # the measure sees them when they are made
    assert told["ours"] < 0.15 * logits


@pytest.mark.vllm
def test_P24_vllm_makes_logits_of_one_step_and_not_of_all_prompts(vllm_backend, builtin):
    """Sixty prompts of a thousand tokens: 2 GB of logits at once, 134 MB for a step of 4,096 tokens and its softmax."""
    psutil = pytest.importorskip("psutil")
    vocabulary = json.loads((builtin / "config.json").read_text())["vocab_size"]
    rng = np.random.default_rng(0)
    prompts = [TokenSequence(rng.integers(4, vocabulary, 1000).astype(np.int32)) for _ in range(60)]
    vllm_backend.score(prompts[:1])
    engine = max(psutil.Process().children(recursive=True), key=lambda child: child.memory_info().rss)
    Path(f"/proc/{engine.pid}/clear_refs").write_text("5")  # the peak counts from here
    before = peak_of(engine.pid)
    answers = vllm_backend.score(prompts)
    grown = peak_of(engine.pid) - before
    step, whole = vllm_backend.batch_tokens * vocabulary * 4, 60_000 * vocabulary * 4
    assert all(np.isfinite(scores.logprobs[1:]).all() for scores in answers)
    assert step < 0.1 * whole  # bounded by the engine's own limit, whatever is asked at once
    assert grown < 0.5 * whole


def peak_of(process: int) -> int:
    """Most bytes that a process has ever held."""
    status = Path(f"/proc/{process}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024
