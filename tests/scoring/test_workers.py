"""Two worker processes: the rows of one, nothing lost when one is killed, and none left behind however the run ends."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path

import psutil
import pyarrow.parquet as pq
import pytest

SHARD = 8


@pytest.fixture(scope="module")
def command(tiny_model, tmp_path_factory):
    path = tmp_path_factory.mktemp("pool") / "pool.jsonl"
    path.write_text(
        "".join(
            json.dumps({"prompt": f"Count to {i}.", "response": f"The number is {i}. " * (i % 11 + 1)}) + "\n"
            for i in range(800)
        )
    )
    return ("score", path, "--model", tiny_model, "--backend", "transformers", "--ifd", "--tokens", "--no-cache")


def table(out: Path):
    return pq.read_table(out / "scores.parquet")


def sidecar(out: Path) -> list[bytes]:
    return [file.read_bytes() for file in sorted(out.glob("tokens/*.parquet"))]


def wait_for_shards(out: Path, number: int) -> None:
    deadline = time.monotonic() + 120
    while len(list(out.glob("shards/0*.parquet"))) < number:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def processes_of(pid: int) -> list[psutil.Process]:
    """Every process that a run started."""
    return psutil.Process(pid).children(recursive=True)


def workers_of(pid: int) -> list[psutil.Process]:
    return [one for one in processes_of(pid) if "spawn_main" in " ".join(one.cmdline())]


def assert_gone(processes: list[psutil.Process]) -> None:
    _, alive = psutil.wait_procs(processes, timeout=30)
    assert not alive


@pytest.fixture(scope="module")
def calm(warm, command, tmp_path_factory):
    out = tmp_path_factory.mktemp("calm") / "out"
    started = warm.start(*command, "--out", out, shard_records=SHARD)
    assert started.wait() == 0, started.err
    return out


def test_two_workers_give_the_same_bytes_as_one(warm, command, calm, tmp_path):
    started = warm.start(*command, "--workers", 2, "--out", tmp_path / "out", shard_records=SHARD)
    wait_for_shards(tmp_path / "out", 1)
    processes = processes_of(started.pid)
    assert len(workers_of(started.pid)) == 2
    assert started.wait() == 0, started.err
    assert started.err.count("\n") == 1
    assert (tmp_path / "out" / "scores.parquet").read_bytes() == (calm / "scores.parquet").read_bytes()
    assert sidecar(tmp_path / "out") == sidecar(calm)
    assert_gone(processes)


def test_a_killed_worker_ends_the_run_in_one_line_and_one_worker_finishes_it(warm, command, calm, tmp_path):
    out = tmp_path / "out"
    started = warm.start(*command, "--workers", 2, "--out", out, shard_records=SHARD)
    wait_for_shards(out, 3)
    processes = processes_of(started.pid)
    workers_of(started.pid)[1].kill()
    assert started.wait() == 1
    assert started.err.splitlines() == [
        "dataselect: a worker process was killed by signal 9 "
        "(hint: what is finished is kept: run the same command again; fewer --workers need less memory)"
    ]
    assert_gone(processes)
    there = set(out.glob("shards/0*.parquet"))
    assert 3 <= len(there) < 100
    assert warm.start(*command, "--out", out, shard_records=SHARD).wait() == 0
    assert (out / "scores.parquet").read_bytes() == (calm / "scores.parquet").read_bytes()


def test_a_killed_run_takes_its_workers_with_it(warm, command, calm, tmp_path):
    out = tmp_path / "out"
    started = warm.start(*command, "--workers", 2, "--out", out, shard_records=SHARD)
    wait_for_shards(out, 1)
    processes = processes_of(started.pid)
    os.kill(started.pid, signal.SIGKILL)
    assert started.wait() == -signal.SIGKILL
    assert_gone(processes)
    assert warm.start(*command, "--workers", 2, "--out", out, shard_records=SHARD).wait() == 0
    assert (out / "scores.parquet").read_bytes() == (calm / "scores.parquet").read_bytes()


def test_what_a_worker_refuses_is_told_in_its_words(warm, command, tiny_model, tmp_path):
    (tmp_path / "model").mkdir()
    for file in tiny_model.iterdir():
        (tmp_path / "model" / file.name).symlink_to(file)
    (tmp_path / "model" / "model.safetensors").unlink()
    (tmp_path / "model" / "model.safetensors").write_bytes(b"no weights")
    arguments = [tmp_path / "model" if one is tiny_model else one for one in command]
    started = warm.start(*arguments, "--workers", 2, "--out", tmp_path / "out", shard_records=SHARD)
    assert started.wait() == 1
    assert "cannot be loaded" in started.err.splitlines()[-1]
    assert "Traceback" not in started.err
