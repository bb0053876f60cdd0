"""The real vLLM engine killed in the middle of a run, and a run killed with its engine: nothing lost, nothing left behind."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from dataselect.backends import EngineDiedError
from dataselect.cli import run as command
from dataselect.scoring import ScoreRequest, score

pytestmark = pytest.mark.vllm

SHARD = 4


class Kept:
    """The session's engine, which a finished run must not stop."""

    def __init__(self, backend):
        self._backend = backend
        self.score, self.batch_tokens, self.alone = backend.score, backend.batch_tokens, backend.alone

    def stop(self):
        pass


@pytest.fixture(scope="module")
def pool(tmp_path_factory):
    path = tmp_path_factory.mktemp("pool") / "pool.jsonl"
    path.write_text(
        "".join(
            json.dumps({"prompt": f"Count to {i}.", "response": f"The number is {i}. " * (i % 9 + 8)}) + "\n"
            for i in range(120)
        )
    )
    return path


@pytest.fixture(autouse=True)
def small_shards(monkeypatch):
    monkeypatch.setattr("dataselect.scoring.run.SHARD_RECORDS", SHARD)


def request(pool, out) -> ScoreRequest:
    return ScoreRequest(pools=(str(pool),), model="builtin", out=out, backend="vllm", dtype="float32", cache=False)


def finish(pool, out, backend) -> bytes:
    """Finish a run with the session's engine."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("dataselect.scoring.run.SHARD_RECORDS", SHARD)
        patch.setattr("dataselect.scoring.worker.load_backend", lambda *_: Kept(backend))
        score(request(pool, out))
    return (out / "scores.parquet").read_bytes()


@pytest.fixture(scope="module")
def calm(pool, vllm_backend, tmp_path_factory):
    return finish(pool, tmp_path_factory.mktemp("calm") / "out", vllm_backend)


def wait_for_shards(out: Path, number: int) -> None:
    deadline = time.monotonic() + 240
    while len(list(out.glob("shards/0*.parquet"))) < number:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_an_engine_that_is_killed_is_started_again_and_the_table_is_the_same(pool, calm, tmp_path):
    out = tmp_path / "out"
    before = multiprocessing.active_children()

    def kill_the_engine() -> None:
        wait_for_shards(out, 3)
        (engine,) = set(multiprocessing.active_children()) - set(before)
        os.kill(engine.pid, signal.SIGKILL)

    with ThreadPoolExecutor(1) as other:
        killer = other.submit(kill_the_engine)
        summary = score(request(pool, out))
        killer.result()
    told = ("the engine died (vLLM's engine process ended); it was restarted",)
    assert summary.notes == told
    assert json.loads((out / "manifest.json").read_text())["notes"] == list(told)
    assert set(multiprocessing.active_children()) == set(before)
    assert (out / "scores.parquet").read_bytes() == calm


def test_an_engine_that_dies_again_and_again_ends_the_run_in_one_line_and_the_run_can_go_on(
    pool, calm, vllm_backend, tmp_path, monkeypatch, capsys
):
    """The fault is made: a machine on which the engine never survives is not to be had."""
    out = tmp_path / "out"
    served = 0

    class Dying(Kept):
        def score(self, *options):
            nonlocal served
            served += 1
            if served > 4:  # three shards, and the probe before them
                raise EngineDiedError("vLLM's engine process ended")
            return vllm_backend.score(*options)

        def __init__(self):
            self.batch_tokens, self.alone = vllm_backend.batch_tokens, vllm_backend.alone

    monkeypatch.setattr("dataselect.scoring.worker.load_backend", lambda *_: Dying())
    arguments = ["score", str(pool), "--model", "builtin", "--backend", "vllm", "--dtype", "float32", "--no-cache"]
    assert command([*arguments, "--out", str(out)]) == 1
    assert capsys.readouterr().err == (
        "dataselect: the engine died 5 times without scoring anything: vLLM's engine process ended "
        "(hint: what is finished is kept: run the same command again, with a lower --batch-tokens)\n"
    )
    assert len(list(out.glob("shards/0*.parquet"))) == 3
    assert finish(pool, out, vllm_backend) == calm


@pytest.mark.parametrize("how", ["kill -9", "Ctrl-C"])
def test_a_run_that_is_stopped_takes_its_engine_with_it_and_can_go_on(pool, calm, vllm_backend, tmp_path, how):
    out = tmp_path / "out"
    script = tmp_path / "score.py"
    script.write_text(
        f"import dataselect.scoring.run as run; run.SHARD_RECORDS = {SHARD}\n"
        "from dataselect.cli import main\nif __name__ == '__main__': main()\n"
    )
    arguments = ["score", pool, "--model", "builtin", "--backend", "vllm", "--dtype", "float32", "--no-cache"]
    process = subprocess.Popen(
        [sys.executable, script, *arguments, "--out", out], stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    wait_for_shards(out, 2)
    children = psutil.Process(process.pid).children(recursive=True)
    assert any("EngineCore" in child.name() for child in children)
    if how == "kill -9":
        process.kill()
    else:
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to every process of the command
    error = process.communicate(timeout=120)[1]
    assert process.returncode == (-signal.SIGKILL if how == "kill -9" else 130)
    assert "Traceback" not in error
    if how == "Ctrl-C":
        assert "dataselect: interrupted" in error.splitlines()  # Python's resource tracker may have a word after it
    _, alive = psutil.wait_procs(children, timeout=60)
    assert not alive
    there = len(list(out.glob("shards/0*.parquet")))
    assert 2 <= there < 30
    assert finish(pool, out, vllm_backend) == calm
