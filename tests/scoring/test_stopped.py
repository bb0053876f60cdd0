"""Ctrl-C at any moment, and two runs on one folder: one line each, and nothing lost."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

SHARD = 4


@pytest.fixture(scope="module")
def command(tiny_model, tmp_path_factory):
    path = tmp_path_factory.mktemp("pool") / "pool.jsonl"
    path.write_text(
        "".join(
            json.dumps({"prompt": f"Count to {i}.", "response": f"The number is {i}. " * (i % 7 + 1)}) + "\n"
            for i in range(80)
        )
    )
    return ("score", path, "--model", tiny_model, "--backend", "transformers", "--tokens", "--no-cache")


def results(out: Path) -> dict[str, bytes]:
    found = [
        path for path in out.rglob("*") if path.is_file() and path.name not in (".lock", "run.json", "manifest.json")
    ]
    return {str(path.relative_to(out)): path.read_bytes() for path in found}


@pytest.fixture(scope="module")
def calm(warm, command, tmp_path_factory):
    out = tmp_path_factory.mktemp("calm") / "out"
    began = time.monotonic()
    started = warm.start(*command, "--out", out, shard_records=SHARD)
    assert started.wait() == 0, started.err
    return results(out), time.monotonic() - began


def wait_for(file: Path) -> None:
    deadline = time.monotonic() + 120
    while not file.exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_ctrl_c_at_any_moment_is_one_line_and_code_130_and_the_run_goes_on(warm, command, calm, tmp_path):
    expected, seconds = calm
    rng = np.random.default_rng(6)
    out, codes = tmp_path / "0", []
    while codes.count(130) < 6:
        started = warm.start(*command, "--out", out, shard_records=SHARD)
        time.sleep(0.05 + rng.uniform(0, 0.5 * seconds))
        with suppress(ProcessLookupError):
            os.kill(started.pid, signal.SIGINT)
        codes.append(started.wait())
        if codes[-1] == 0:
            assert results(out) == expected
            out = tmp_path / str(len(codes))
            continue
        assert started.err.split("\n") == ["", "dataselect: interrupted", ""]
        assert not list(out.rglob(".tmp-*"))
    assert set(codes) <= {0, 130}
    assert warm.start(*command, "--out", out, shard_records=SHARD).wait() == 0
    assert results(out) == expected


def test_ctrl_c_in_a_terminal_reaches_workers_too_and_is_still_one_line(warm, command, calm, tmp_path):
    """A terminal sends it to all processes of the command."""
    out = tmp_path / "out"
    started = warm.start(*command, "--workers", 2, "--out", out, shard_records=1, before="import os; os.setpgid(0, 0)")
    wait_for(out / "shards" / "000000.parquet")
    os.killpg(started.pid, signal.SIGINT)
    assert started.wait() == 130
    assert started.err.split("\n") == ["", "dataselect: interrupted", ""]


def test_the_second_of_two_processes_on_one_folder_is_refused(warm, command, calm, tmp_path):
    out = tmp_path / "out"
    code = f"import dataselect.scoring.run as run; run.SHARD_RECORDS = {SHARD}; from dataselect.cli import main; main()"
    first = subprocess.Popen(
        [sys.executable, "-c", code, *map(str, command), "--out", str(out)], env={**os.environ, "OMP_NUM_THREADS": "1"}
    )
    wait_for(out / "shards" / "000000.parquet")
    first.send_signal(signal.SIGSTOP)  # so that it is still there when the second one looks
    second = warm.start(*command, "--out", out, shard_records=SHARD)
    assert second.wait() == 1
    assert second.err == (
        f"dataselect: another process is writing in {out} (hint: wait for it, or choose another --out)\n"
    )
    first.send_signal(signal.SIGCONT)
    assert first.wait(timeout=120) == 0
    assert results(out) == calm[0]
