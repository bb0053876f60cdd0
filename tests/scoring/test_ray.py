"""A real local Ray cluster with two workers: the rows of a local run, also when a worker is killed or the run changes hands."""

from __future__ import annotations

import dataclasses
import json
import os
import signal

import psutil
import pyarrow.parquet as pq
import pytest

from dataselect.errors import DataselectError
from dataselect.scoring import ScoreRequest, score

ray = pytest.importorskip("ray", reason="Ray is not installed: pip install 'dataselect[ray]'")


@pytest.fixture(scope="module")
def cluster():
    ray.init(num_cpus=2, object_store_memory=100 * 2**20, include_dashboard=False, log_to_driver=False)
    yield
    ray.shutdown()


@pytest.fixture
def request_(tmp_path, tiny_model, monkeypatch):
    monkeypatch.setattr("dataselect.scoring.run.SHARD_RECORDS", 20)
    pool = tmp_path / "pool.jsonl"
    rows = [{"prompt": f"Count to {i}.", "response": f"The number is {i}. " * (i % 7 + 1)} for i in range(200)]
    pool.write_text("".join(json.dumps(row) + "\n" for row in [*rows, {"bad": 1}]))
    return ScoreRequest(
        (str(pool),), str(tiny_model), tmp_path / "ray", ifd=True, backend="transformers", cache=False, engine="ray",
        workers=2,
    )  # fmt: skip


def local(request: ScoreRequest, name: str = "local") -> ScoreRequest:
    return dataclasses.replace(request, out=request.out.parent / name, engine="local", workers=1)


def assert_same(one, other):
    """Equal rows, with numbers to a relative 1e-5: a worker's threads are not the driver's."""
    first, second = (pq.read_table(out / "scores.parquet").to_pylist() for out in (one, other))
    assert [row["id"] for row in first] == [row["id"] for row in second]
    for a, b in zip(first, second, strict=True):
        for name, value in a.items():
            assert b[name] == (pytest.approx(value, rel=1e-5) if isinstance(value, float) else value)
    assert (one / "rejects.jsonl").read_bytes() == (other / "rejects.jsonl").read_bytes()


def workers() -> list[psutil.Process]:
    return [p for p in psutil.process_iter(["cmdline"]) if "ray::_Actor" in " ".join(p.info["cmdline"] or [])]


def test_two_workers_give_the_rows_of_a_local_run(cluster, request_):
    told: list[int] = []
    assert score(request_, told.append).counts["ok"] == 200
    assert sum(told) == 201
    score(local(request_))
    assert_same(request_.out, request_.out.parent / "local")


def test_a_killed_worker_is_replaced_and_no_row_is_lost(cluster, request_):
    killed: list[int] = []

    def kill_one(_done: int) -> None:
        if not killed:
            victim = workers()[0]
            killed.append(victim.pid)
            os.kill(victim.pid, signal.SIGKILL)

    assert score(request_, kill_one).counts["ok"] == 200
    assert killed
    score(local(request_))
    assert_same(request_.out, request_.out.parent / "local")


def test_a_run_begun_locally_is_finished_by_ray(cluster, request_):
    begun = local(request_, "begun")

    class Stopped(Exception):
        pass

    def stop(_done: int) -> None:
        if len(list((begun.out / "shards").glob("*.parquet"))) >= 3:
            raise Stopped

    with pytest.raises(Stopped):
        score(begun, stop)
    kept = {p.name: p.stat().st_mtime_ns for p in (begun.out / "shards").glob("*.parquet")}
    assert len(kept) >= 3
    score(dataclasses.replace(begun, engine="ray", workers=2))
    score(local(request_))
    assert_same(begun.out, request_.out.parent / "local")


def test_another_model_at_the_same_place_of_a_node_is_refused(cluster, request_, monkeypatch):
    from dataselect.scoring.request import ScorePlan

    honest = ScorePlan.worker
    monkeypatch.setattr(ScorePlan, "worker", lambda *a: dataclasses.replace(honest(*a), digest="0" * 64))
    with pytest.raises(DataselectError, match="on this node differs from the one where the run was started"):
        score(request_)
