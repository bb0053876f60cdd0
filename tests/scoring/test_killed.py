"""Nothing is lost: a scoring run that is killed at any moment goes on from what it finished, and ends with the same bytes."""

from __future__ import annotations

import json
import os
import shutil
import signal
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

KILLS = 20
RECORDS, SHARD = 40, 4


@pytest.fixture(scope="module")
def pool(tmp_path_factory):
    """Short and long rows, a document of several windows, repeated and empty rows, and lines that are no records."""
    lines = [
        json.dumps({"prompt": f"Count to {i % 30}.", "response": f"The number is {i % 30}. " * (i % 7)})
        for i in range(RECORDS - 3)
    ]
    lines.insert(7, json.dumps({"text": "Once upon a time there was a king. " * 125}))
    lines.insert(20, "{broken")
    lines.insert(31, '{"neither": 1}')
    path = tmp_path_factory.mktemp("pool") / "pool.jsonl"
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture(scope="module")
def command(pool, tiny_model):
    return ("score", pool, "--model", tiny_model, "--backend", "transformers", "--ifd", "--tokens")


def results(out: Path) -> dict[str, bytes]:
    """Every file of a finished run but the manifest, which tells times."""
    files = [
        path for path in out.rglob("*") if path.is_file() and path.name not in (".lock", "run.json", "manifest.json")
    ]
    return {str(path.relative_to(out)): path.read_bytes() for path in files}


def finished_shards(out: Path) -> dict[str, tuple[int, int]]:
    """Inode and time of every file that belongs to a finished shard."""
    names = [path.name for path in out.glob("shards/*.parquet") if not path.name.startswith(".tmp-")]
    files = [out / folder / name for name in names for folder in ("shards", "tokens")]
    return {str(file): (file.stat().st_ino, file.stat().st_mtime_ns) for file in files}


def unfinished(out: Path) -> set[Path]:
    """Files that a kill left half written."""
    return set(out.glob("**/.tmp-*"))


def phase(out: Path, before: set[Path]) -> str:
    """How far a run that was killed had come; `before` holds the unfinished files that it found."""
    if not list(out.glob("shards/*.parquet")):
        return "loading"
    if unfinished(out) - before:
        return "writing"
    return "merged" if (out / "scores.parquet").exists() else "scoring"


@pytest.fixture(scope="module")
def calm(warm, command, tmp_path_factory):
    """The results of a run that nobody disturbs, and how long it takes."""
    out = tmp_path_factory.mktemp("calm") / "out"
    for _ in range(2):  # the first also fills the page cache
        shutil.rmtree(out, ignore_errors=True)
        began = time.monotonic()
        started = warm.start(*command, "--no-cache", "--out", out, shard_records=SHARD)
        assert started.wait() == 0, started.err
        seconds = time.monotonic() - began
    found = results(out)
    assert sorted(found)[:2] == ["rejects.jsonl", "scores.parquet"]
    assert len(found) == 2 + RECORDS // SHARD
    return found, seconds


def await_shards(out: Path, number: int, seconds: float) -> None:
    """Wait until so many shards are finished, or the run is, or for ten times the length of a calm run."""
    end = time.monotonic() + 10 * seconds
    while time.monotonic() < end and not (out / "manifest.json").exists():
        with suppress(FileNotFoundError):  # the merge removes the folder
            if len(list(out.glob("shards/0*.parquet"))) >= number:
                return
        time.sleep(0.001)


def kill_and_finish(start, out: Path, rng, seconds: float, most: int) -> list[str]:
    """Kill a run at up to `most` random moments, then let it finish; the phases in which it was killed."""
    phases: list[str] = []
    kept: dict[str, tuple[int, int]] = {}
    while len(phases) < most:
        before = unfinished(out)
        started = start()
        if len(phases) % 2:  # by the work, which no load on the machine moves: a moment after the next shard
            await_shards(out, len(kept) // 2 + 1, seconds)
            time.sleep(rng.uniform(0, seconds * SHARD / RECORDS))
        else:
            time.sleep(rng.uniform(0, seconds))
        with suppress(ProcessLookupError):
            os.kill(started.pid, signal.SIGKILL)
        code = started.wait()
        if code == 0:
            return phases
        assert code == -signal.SIGKILL, started.err
        if (out / "manifest.json").exists():  # finished: what is left is to remove the shards
            phases.append("finished")
            break
        there = finished_shards(out)
        assert kept.items() <= there.items()  # what was finished is there, and was not written again
        kept = there
        phases.append(phase(out, before))
        if phases[-1] == "loading":
            seconds *= 1.2  # the machine may have become slower since the calm run
    started = start()
    assert started.wait() == 0, started.err
    assert not (out / "shards").exists()
    return phases


def test_a_run_killed_twenty_times_ends_with_the_same_bytes(warm, command, calm, tmp_path):
    expected, seconds = calm
    rng = np.random.default_rng(3)
    phases: list[str] = []
    while len(phases) < KILLS:
        out = tmp_path / f"killed-{len(phases)}"

        def start(out=out):
            return warm.start(*command, "--no-cache", "--out", out, shard_records=SHARD)

        phases += kill_and_finish(start, out, rng, seconds, KILLS - len(phases))
        assert results(out) == expected
    assert {"loading", "scoring"} <= set(phases)


def test_a_run_killed_at_any_of_its_first_writes_ends_with_the_same_bytes(warm, command, calm, tmp_path):
    for moment in np.random.default_rng(4).choice(np.arange(1, 40), 6, replace=False).tolist():
        out = tmp_path / f"killed-{moment}"
        options = (*command, "--no-cache", "--out", out)
        started = warm.start(*options, shard_records=SHARD, die_at=(moment, out))
        assert started.wait() == -signal.SIGKILL, started.err
        started = warm.start(*options, shard_records=SHARD)
        assert started.wait() == 0, started.err
        assert results(out) == calm[0]


def test_two_models_killed_at_every_write_of_the_merge_and_after_it_end_with_the_same_bytes(
    warm, command, tiny_model, tmp_path
):
    options = (*command, "--model", f"same={tiny_model}", "--no-cache", "--limit", 2 * SHARD, "--out")
    assert warm.start(*options, tmp_path / "calm", shard_records=SHARD).wait() == 0
    expected = results(tmp_path / "calm")
    assert set(expected) == {"scores.parquet", "rejects.jsonl"} | {
        f"tokens/{model}{shard}.parquet" for model in ("", "same/") for shard in ("000000", "000001")
    }
    whole = tmp_path / "whole"
    for moment in range(1, 5):  # in the second model's first shard, again and again
        assert warm.start(*options, whole, shard_records=SHARD, die_at=(moment, "same")).wait() == -signal.SIGKILL
    assert warm.start(*options, whole, shard_records=SHARD, die_at=(1, "-rejects.jsonl")).wait() == -signal.SIGKILL
    assert len(list(whole.glob("shards/**/0*.parquet"))) == 4  # everything is there but the merge
    code, moment = -signal.SIGKILL, 0
    while code == -signal.SIGKILL:
        moment += 1
        out = shutil.copytree(whole, tmp_path / f"killed-{moment}")
        code = warm.start(*options, out, shard_records=SHARD, die_at=(moment, out)).wait()
        again = warm.start(*options, out, shard_records=SHARD)
        assert again.wait() == 0, again.err
        assert results(out) == expected
        assert not (out / "shards").exists()
    assert code == 0
    assert moment > 15


def test_a_killed_run_with_a_cache_ends_with_the_same_bytes(warm, command, calm, tmp_path):
    """What it stored itself before it was killed must not change how the rest is batched."""
    expected, seconds = calm
    out, cache = tmp_path / "killed", str(tmp_path / "cache")

    def start():
        return warm.start(*command, "--out", out, shard_records=SHARD, DATASELECT_CACHE=cache)

    kill_and_finish(start, out, np.random.default_rng(5), seconds / 2, 6)
    assert results(out) == expected
    assert json.loads((out / "manifest.json").read_text())["cached_rows"] == 0
    again = warm.start(*command, "--out", tmp_path / "again", shard_records=SHARD, DATASELECT_CACHE=cache)
    assert again.wait() == 0
    assert "from the cache" in again.err
    assert results(tmp_path / "again") == expected
