"""The real vLLM engine, killed in the middle of a scoring run: it is started again and nothing is lost."""

from __future__ import annotations

import json
import os
import signal

import psutil
import pyarrow.parquet as pq
import pytest

from dataselect.scoring import ScoreRequest, score

pytestmark = pytest.mark.vllm


def engines() -> list[psutil.Process]:
    """vLLM's processes below this one, by the name that they give themselves."""
    return [p for p in psutil.Process().children(recursive=True) if "EngineCore" in " ".join(p.cmdline()) + p.name()]


def test_a_killed_engine_is_started_again_and_every_row_is_scored(tmp_path, tiny_model, monkeypatch, vllm_installed):
    monkeypatch.setattr("dataselect.scoring.run.SHARD_RECORDS", 20)
    rows = [{"prompt": f"Count to {i}.", "response": f"The number is {i}. " * (i % 7 + 1)} for i in range(80)]
    (tmp_path / "pool.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    request = ScoreRequest(
        (str(tmp_path / "pool.jsonl"),),
        str(tiny_model),
        tmp_path / "vllm",
        backend="vllm",
        dtype="float32",
        cache=False,
    )
    before = {p.pid for p in engines()}
    killed: list[int] = []

    def kill(_done: int) -> None:
        mine = [p.pid for p in engines() if p.pid not in before]
        if mine and not killed:
            killed.extend(mine)
            for pid in mine:
                os.kill(pid, signal.SIGKILL)

    summary = score(request, kill)
    assert killed
    assert summary.counts["ok"] == 80
    assert any("it was started again" in note for note in summary.notes)
    assert json.loads((tmp_path / "vllm" / "manifest.json").read_text())["notes"] == list(summary.notes)
    calm = ScoreRequest(
        (str(tmp_path / "pool.jsonl"),), str(tiny_model), tmp_path / "tf", backend="transformers", cache=False
    )
    score(calm)
    ours, reference = (pq.read_table(tmp_path / name / "scores.parquet").to_pylist() for name in ("vllm", "tf"))
    assert [row["id"] for row in ours] == [row["id"] for row in reference]
    for a, b in zip(ours, reference, strict=True):
        assert abs(a["response_nll"] - b["response_nll"]) < 1e-4 * b["response_tokens"]
