"""Tokens per second are those of the wall clock, however many workers there are and however idle they were."""

from __future__ import annotations

import json
import time

from dataselect.scoring import ScoreRequest, score
from dataselect.scoring import run as scoring_run


def pool_of(path, rows):
    lines = (json.dumps({"id": f"r{n}", "prompt": f"Count to {n}", "response": "one two " * 9}) for n in range(rows))
    path.write_text("\n".join(lines) + "\n")
    return str(path)


def test_idle_workers_are_not_counted(tmp_path):
    """One shard and two workers: one has nothing to do. Speed times the engine's seconds, which are fewer than those of
    the call, is the tokens."""
    pool = pool_of(tmp_path / "pool.jsonl", 60)
    for workers in (1, 2):
        out = tmp_path / f"scores-{workers}"
        began = time.perf_counter()
        summary = score(ScoreRequest((pool,), "builtin", out, workers=workers, cache=False))
        wall = time.perf_counter() - began
        manifest = json.loads((out / "manifest.json").read_text())
        tokens = manifest["pool"]["total_tokens"]
        assert manifest["tokens_per_second"] == round(summary.tokens_per_second, 1)
        assert manifest["tokens_per_second"] * wall >= tokens  # the time of planning and merging is not the engine's


def test_the_seconds_are_those_between_the_first_shard_and_the_last_result(tmp_path, monkeypatch):
    """Eight workers are asked for, one works, and its one shard takes over half a second: at most tokens / 0.5 s."""
    pool = pool_of(tmp_path / "pool.jsonl", 4)
    real = scoring_run.make_engine

    class Slow:
        def __init__(self, engine):
            self.engine = engine

        def run(self, spec, shards, progress):
            for result in self.engine.run(spec, shards, progress):
                time.sleep(0.5)
                yield result

    monkeypatch.setattr(scoring_run, "make_engine", lambda name, workers: Slow(real(name, 1)))
    out = tmp_path / "scores"
    summary = score(ScoreRequest((pool,), "builtin", out, workers=8, cache=False))
    tokens = json.loads((out / "manifest.json").read_text())["pool"]["total_tokens"]
    assert summary.tokens_per_second < tokens / 0.5


def test_nothing_computed_has_no_speed(tmp_path, monkeypatch):
    monkeypatch.setenv("DATASELECT_CACHE", str(tmp_path / "cache"))
    pool = pool_of(tmp_path / "pool.jsonl", 4)
    score(ScoreRequest((pool,), "builtin", tmp_path / "a"))
    assert score(ScoreRequest((pool,), "builtin", tmp_path / "b")).tokens_per_second is None
