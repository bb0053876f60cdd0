"""An embedding run that is killed at any moment goes on from what it finished, and ends with the same bytes."""

from __future__ import annotations

import json
import os
import signal
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from warm import Started, Warm

CHUNK, RECORDS = 4, 26

IMPORTS = """
import faiss, pyarrow.parquet, sklearn.feature_extraction.text, sklearn.utils.extmath, torch
import transformers.models.llama.modeling_llama
import dataselect.cli.embed, dataselect.embeddings.causal, dataselect.embeddings.encoding
"""


class WarmEmbedding:
    """Runs `dataselect embed` in forks of a warm process, with chunks of few records."""

    def __init__(self, warm: Warm) -> None:
        self._warm = warm

    def start(self, *arguments, die_at=None) -> Started:
        """Start a command."""
        smaller = f"import dataselect.embeddings.encoding\ndataselect.embeddings.encoding.CHUNK = {CHUNK}"
        return self._warm.start("embed", *arguments, before=smaller, die_at=die_at)

    def finish(self, *arguments) -> str:
        """Run a command to its end, and return the last line that it printed."""
        started = self.start(*arguments)
        assert started.wait() == 0, started.err
        return started.err.strip().splitlines()[-1]


@pytest.fixture(scope="module")
def warm(tmp_path_factory):
    one = Warm(tmp_path_factory.mktemp("warm"), IMPORTS)
    yield WarmEmbedding(one)
    one.stop()


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A pool with repeated, long, empty and unreadable records, and two targets, one of several chunks."""
    folder = tmp_path_factory.mktemp("pool")
    lines = [
        json.dumps({"prompt": f"Count to {i % 20}. " * (1 + i % 5), "response": f"It is {i}."}) for i in range(RECORDS)
    ]
    lines[7], lines[15] = "{broken", json.dumps({"prompt": " ", "response": "Nothing was asked."})
    (folder / "pool.jsonl").write_text("\n".join(lines) + "\n")
    for name, number in (("counts", 9), ("single", 1)):
        rows = [{"prompt": f"Please count to {i}.", "response": "Yes."} for i in range(number)]
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return (
        folder / "pool.jsonl", "--target", folder / "counts.jsonl", "--target", folder / "single.jsonl", "--top-k", 3
    )  # fmt: skip


def results(out: Path) -> dict[str, bytes]:
    """Every file of a finished run but the manifest, which tells times."""
    found = [path for path in out.rglob("*") if path.name not in (".lock", "run.json", "manifest.json")]
    return {str(path.relative_to(out)): path.read_bytes() for path in found}


def shards(out: Path) -> dict[str, tuple[int, int]]:
    """Inode and time of every shard that is finished."""
    done = [path for path in out.glob("shards/*/*.npy") if not path.name.startswith(".tmp-")]
    return {str(path): (path.stat().st_ino, path.stat().st_mtime_ns) for path in done}


def killed_at_random(warm, command, out, seconds, most, rng):
    """Kill a run at up to `most` random moments, then let it finish; how many kills there were."""
    kept: dict[str, tuple[int, int]] = {}
    for count in range(most):
        started = warm.start(*command, "--out", out)
        time.sleep(rng.uniform(0, seconds))
        with suppress(ProcessLookupError):
            os.kill(started.pid, signal.SIGKILL)
        code = started.wait()
        if code == 0:
            return count
        assert code == -signal.SIGKILL
        if not (out / "manifest.json").exists():
            there = shards(out)
            assert kept.items() <= there.items()  # what was finished is there, and was not written again
            kept = there
    warm.finish(*command, "--out", out)
    return most


@pytest.mark.parametrize(
    "options",
    [
        ("--encoder", "builtin"),
        ("--encoder", "builtin", "--pooling", "last", "--index", "ivf"),
        ("--encoder", "tfidf", "--dim", 8, "--index", "hnsw"),
    ],
    ids=lambda options: "-".join(map(str, options[1::2])),
)
def test_killed_at_random_moments_it_ends_with_the_same_bytes(warm, files, tmp_path, options):
    command = (*files, *options)
    began = time.monotonic()
    warm.finish(*command, "--out", tmp_path / "calm")
    seconds = time.monotonic() - began
    calm = results(tmp_path / "calm")
    assert {"embeddings.npy", "ids.txt", "index.faiss", "rejects.jsonl", "scores.parquet", "targets.npy"} <= set(calm)
    rng = np.random.default_rng(5)
    kills, number = 0, 0
    while number < 3 or (kills < 3 and number < 20):  # a run that was faster than the calm one is not killed
        number += 1
        out = tmp_path / f"killed-{number}"
        kills += killed_at_random(warm, command, out, seconds, 4, rng)
        assert results(out) == calm
    assert kills >= 3


def test_killed_at_any_of_its_writes_it_ends_with_the_same_bytes(warm, files, tmp_path):
    """The fitted encoder, every shard, the merge, the index, the manifest and the removal of the shards."""
    command = (*files, "--encoder", "tfidf")
    warm.finish(*command, "--out", tmp_path / "calm")
    calm = results(tmp_path / "calm")
    moments = np.random.default_rng(6).choice(np.arange(1, 110), 9, replace=False)
    for moment in (1, 4, *sorted(moments.tolist())):
        out = tmp_path / f"killed-{moment}"
        assert warm.start(*command, "--out", out, die_at=(moment, out)).wait() == -signal.SIGKILL
        warm.finish(*command, "--out", out)
        assert results(out) == calm


def test_what_was_done_is_not_encoded_again_and_it_is_said(warm, files, tmp_path):
    """Killed when the third shard of the pool is about to get its vectors: two of four records each are done, and all
    ten targets before them."""
    out = tmp_path / "out"
    command = (*files, "--encoder", "builtin", "--out", out)
    assert warm.start(*command, die_at=(1, "-000002.npy")).wait() == -signal.SIGKILL  # of the target
    assert warm.start(*command, die_at=(1, "shards/pool")).wait() == -signal.SIGKILL
    assert len(shards(out)) == 4  # 4 + 4 + 1 targets of one file, 1 of the other
    before = shards(out)
    said = warm.finish(*command)
    assert "10 records were done by an earlier run" in said
    assert all(not Path(path).exists() for path in before)
    assert not (out / "shards").exists()
    stamps = {path: path.stat().st_mtime_ns for path in out.iterdir()}
    assert "nothing to do" in warm.finish(*command)
    assert {path: path.stat().st_mtime_ns for path in out.iterdir()} == stamps


def test_interrupted_by_the_user_it_exits_130_and_goes_on(warm, files, tmp_path):
    command = (*files, "--encoder", "builtin", "--out", tmp_path / "out")
    warm.finish(*files, "--encoder", "builtin", "--out", tmp_path / "calm")
    interrupted = warm.start(*command, die_at=(3, "shards/pool", signal.SIGINT))  # at the first shard of the pool
    assert interrupted.wait() == 130
    assert not [path for path in (tmp_path / "out").rglob("*") if path.name in ("manifest.json", "embeddings.npy")]
    assert not list((tmp_path / "out").rglob(".tmp-*"))
    assert "10 records were done by an earlier run" in warm.finish(*command)
    assert results(tmp_path / "out") == results(tmp_path / "calm")
