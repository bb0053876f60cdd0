"""Out of memory: the shard continues with half the tokens at once, notes it, and has the numbers of smaller batches."""

from __future__ import annotations

import json
import shutil

import pyarrow.parquet as pq
import pytest

FAULT = """
from dataselect.backends import BatchTooLargeError
from dataselect.backends.transformers import TransformersBackend
honest = TransformersBackend.score

def faulty(self, sequences, ranks=True, tick=lambda done: None, batch_tokens=None):
    if (batch_tokens or self.batch_tokens) > 300:
        raise BatchTooLargeError("no memory")
    return honest(self, sequences, ranks, tick, batch_tokens)

TransformersBackend.score = faulty
"""

LIMIT = """
import re, resource
from pathlib import Path
from dataselect.backends.transformers import TransformersBackend
honest = TransformersBackend.score

def limited(self, *options):
    used = int(re.search(r"VmData:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]) * 1024
    resource.setrlimit(resource.RLIMIT_DATA, (used + {} * 2**20, resource.RLIM_INFINITY))
    try:
        return honest(self, *options)
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))

TransformersBackend.score = limited
"""


@pytest.fixture(scope="module")
def pool(tmp_path_factory):
    path = tmp_path_factory.mktemp("pool") / "pool.jsonl"
    path.write_text(
        "".join(
            json.dumps({"prompt": f"Count to {i}.", "response": f"The number is {i}. " * (i % 40 + 1)}) + "\n"
            for i in range(64)
        )
    )
    return path


def table(out):
    return pq.read_table(out / "scores.parquet").to_pylist()


def test_every_shard_that_does_not_fit_is_halved_and_told_and_the_numbers_stay(warm, pool, tiny_model, tmp_path):
    command = ("score", pool, "--model", tiny_model, "--backend", "transformers", "--no-cache", "--batch-tokens")
    started = warm.start(*command, 1024, "--out", tmp_path / "out", shard_records=32, before=FAULT)
    assert started.wait() == 0, started.err
    told = [line for line in started.err.splitlines() if line.startswith("note: ")]
    of_each = [f"out of memory; this shard continues with {tokens} tokens at once" for tokens in (512, 256)]
    assert told == [f"note: {one}" for one in of_each * 2]
    assert json.loads((tmp_path / "out" / "manifest.json").read_text())["notes"] == of_each * 2
    for tokens in (256, 1024):
        assert warm.start(*command, tokens, "--out", tmp_path / str(tokens), shard_records=32).wait() == 0
    scores = tmp_path / "out" / "scores.parquet"
    assert scores.read_bytes() == (tmp_path / "256" / "scores.parquet").read_bytes()
    for row, whole in zip(table(tmp_path / "out"), table(tmp_path / "1024"), strict=True):
        assert row == {k: pytest.approx(v, rel=1e-5) if isinstance(v, float) else v for k, v in whole.items()}


@pytest.mark.parametrize("megabytes", [60, 100, 150])
def test_a_machine_that_is_really_out_of_memory(warm, pool, tiny_model, tmp_path, megabytes):
    """Memory for a part of a batch whose inner layer alone would take 300 MB: the libraries themselves have to say it.

    Which one says it first is chance, so there are several sizes. Where it is the compiler of oneDNN's kernels, the
    thread gets no kernel any more, however small the batch.
    """
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    model = shutil.copytree(tiny_model, tmp_path / "wide")
    config = LlamaConfig.from_pretrained(model, intermediate_size=8192)
    torch.manual_seed(1)
    LlamaForCausalLM(config).save_pretrained(model)
    command = ("score", pool, "--model", model, "--backend", "transformers", "--no-cache", "--batch-tokens")
    started = warm.start(*command, 100_000, "--out", tmp_path / "out", shard_records=64, before=LIMIT.format(megabytes))
    assert started.wait() == 0, started.err
    assert "note: out of memory; this shard continues with 50,000 tokens at once" in started.err
    assert {row["status"] for row in table(tmp_path / "out")} == {"ok"}
    assert warm.start(*command, 100_000, "--out", tmp_path / "whole", shard_records=64).wait() == 0
    for row, whole in zip(table(tmp_path / "out"), table(tmp_path / "whole"), strict=True):
        assert row == {k: pytest.approx(v, rel=1e-5) if isinstance(v, float) else v for k, v in whole.items()}
