"""A full disk: one line that names the file and the reason, nothing half written, and the same bytes once there is room."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pyarrow.parquet as pq
import pytest

SHARD = 4


@pytest.fixture(scope="module")
def command(tiny_model, tmp_path_factory):
    path = tmp_path_factory.mktemp("pool") / "pool.jsonl"
    lines = [json.dumps({"prompt": f"Count to {i}.", "response": f"The number is {i}. " * 6}) for i in range(15)]
    lines.insert(5, "{broken")
    path.write_text("\n".join(lines) + "\n")
    return ("score", path, "--model", tiny_model, "--backend", "transformers", "--ifd", "--tokens", "--no-cache")


def files(out: Path) -> dict[str, bytes]:
    """Every file under its final name, but those that tell times."""
    found = [
        path for path in out.rglob("*") if path.is_file() and path.name not in (".lock", "run.json", "manifest.json")
    ]
    return {str(path.relative_to(out)): path.read_bytes() for path in found}


@pytest.fixture(scope="module")
def calm(warm, command, tmp_path_factory):
    out = tmp_path_factory.mktemp("calm") / "out"
    started = warm.start(*command, "--out", out, shard_records=SHARD)
    assert started.wait() == 0, started.err
    return files(out)


@pytest.fixture
def small_disk(tmp_path):
    """A disk of its own, whose size can be set."""
    place = tmp_path / "disk"
    place.mkdir()

    def resize(kilobytes: int, how: str = "remount,") -> None:
        command = ["mount", "-t", "tmpfs", "-o", f"{how}size={kilobytes}k,nr_inodes=1000", "tmpfs", str(place)]
        subprocess.run(command, check=True, capture_output=True)

    try:
        resize(4, "")
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("only root may mount a small disk; the other test limits the size of files instead")
    yield place, resize
    subprocess.run(["umount", str(place)], check=True)


def assert_told_in_one_line(started, reason: str) -> None:
    assert started.wait() == 1
    lines = started.err.splitlines()
    assert len(lines) == 1, started.err
    assert lines[0].startswith("dataselect: cannot write ")
    assert reason in lines[0]
    name = Path(lines[0].removeprefix("dataselect: cannot write ").split(": ")[0]).name
    assert name.endswith((".json", ".jsonl", ".parquet")), lines


def assert_nothing_half_written(out: Path) -> None:
    assert not list(out.rglob(".tmp-*"))
    assert not (out / "manifest.json").exists()
    for path in out.rglob("*.parquet"):
        pq.read_table(path)
    for path in out.rglob("*.jsonl"):
        [json.loads(line) for line in path.read_text().splitlines()]


def test_a_disk_that_is_full_at_any_write(warm, command, calm, small_disk):
    disk, resize = small_disk
    out = disk / "out"
    told = set()
    for kilobytes in (4, *range(16, 400, 4)):
        resize(kilobytes)
        started = warm.start(*command, "--out", out, shard_records=SHARD)
        if started.wait() == 0:
            break
        assert_told_in_one_line(started, "No space left on device")
        assert_nothing_half_written(out)
        told.add(started.err.split(": ")[1].rsplit("/", 1)[-1])
    assert len(told) > 3
    assert files(out) == calm


def test_a_file_that_may_not_grow(warm, command, calm, tmp_path):
    """Without a disk to fill: the system refuses every write past a size, in the same places."""
    largest = max(len(content) for content in calm.values())
    for size in (300, 6000, largest - 1):
        out = tmp_path / str(size)
        limit = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({size}, {size}))"
        started = warm.start(*command, "--out", out, shard_records=SHARD, before=limit)
        assert_told_in_one_line(started, "File too large")
        assert_nothing_half_written(out)
        last = started.err
        assert warm.start(*command, "--out", out, shard_records=SHARD).wait() == 0
        assert files(out) == calm
    assert f"cannot write {out}/scores.parquet: " in last
