"""A run that was stopped and whose shards were damaged since ends with the bytes of one that nobody disturbed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from dataselect.embeddings import EmbedRequest, embed, encoding
from dataselect.scoring import ScoreRequest, run, score

SHARD, STOPPED_AFTER = 4, 3
UNCOMPARED = ("run.json", "manifest.json", ".lock")


def flipped(path: Path) -> None:
    """One bit in the middle is another one."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 4
    path.write_bytes(bytes(data))


def cut(path: Path) -> None:
    """The second half is missing."""
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def copied(path: Path) -> None:
    """The file is the one of the next shard."""
    others = sorted(other for other in path.parent.iterdir() if other.suffix == path.suffix)
    shutil.copy(others[others.index(path) - 1], path)


@pytest.fixture(scope="module")
def pool(tmp_path_factory):
    path = tmp_path_factory.mktemp("pool") / "pool.jsonl"
    rows = [{"prompt": f"Count to {n}.", "response": f"That makes {n}."} for n in range(4 * SHARD)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows) + "{broken\n")
    return str(path)


def scored(pool, out, progress=lambda _: None):
    score(ScoreRequest((pool,), "builtin", out, tokens=True, cache=False), progress)


def embedded(pool, out, progress=lambda _: None):
    embed(EmbedRequest((pool,), "builtin", out, targets=(pool,)), progress)


def results(out):
    files = [path for path in out.rglob("*") if path.is_file() and path.name not in UNCOMPARED]
    return {path.relative_to(out).as_posix(): path.read_bytes() for path in files}


@pytest.fixture(scope="module")
def straight(pool, tmp_path_factory):
    """The results of undisturbed runs, in shards of the same size."""
    folder = tmp_path_factory.mktemp("straight")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run, "SHARD_RECORDS", SHARD)
        patch.setattr(encoding, "CHUNK", SHARD)
        scored(pool, folder / "score")
        embedded(pool, folder / "embed")
    return {name: results(folder / name) for name in ("score", "embed")}


@pytest.mark.parametrize("damage", [flipped, cut, copied, Path.unlink])
@pytest.mark.parametrize(("command", "work"), [("score", scored), ("embed", embedded)])
def test_a_damaged_shard_is_made_again(pool, straight, tmp_path, monkeypatch, command, work, damage):
    monkeypatch.setattr(run, "SHARD_RECORDS", SHARD)
    monkeypatch.setattr(encoding, "CHUNK", SHARD)
    done = 0

    def stop(records: int) -> None:
        nonlocal done
        done += records
        if done >= STOPPED_AFTER * SHARD:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        work(pool, tmp_path / "out", stop)
    parts = [path for path in (tmp_path / "out").rglob("*") if path.suffix in (".parquet", ".npy")]
    assert len(parts) >= 2
    for kind in {path.parent for path in parts}:
        files = sorted(path for path in parts if path.parent == kind)
        damage(files[-1])
    work(pool, tmp_path / "out")
    assert results(tmp_path / "out") == straight[command]
