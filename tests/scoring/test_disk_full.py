"""A disk that is really full: the run says so in one line, leaves no half file under a final name, and goes on later."""

from __future__ import annotations

import json
import os
import subprocess

import pytest

ROOM = 600_000


@pytest.fixture
def small_disk(tmp_path):
    """A file system of its own with 600 kB; where it cannot be mounted, None."""
    place = tmp_path / "disk"
    place.mkdir()
    options = ["mount", "-t", "tmpfs", "-o", f"size={ROOM}", "tmpfs", str(place)]
    mounted = os.geteuid() == 0 and subprocess.run(options, capture_output=True).returncode == 0
    if not mounted:
        pytest.skip("mounting a small file system needs root")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_a_full_disk_is_told_in_one_line_and_the_run_goes_on_when_there_is_room(warm, tiny_model, tmp_path, small_disk):
    rows = [{"prompt": f"Count to {i}.", "response": f"The number is {i}. " * (i % 7 + 1)} for i in range(120)]
    (tmp_path / "pool.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    command = (
        "score", tmp_path / "pool.jsonl", "--model", tiny_model, "--backend", "transformers", "--tokens", "--no-cache",
    )  # fmt: skip
    assert warm.start(*command, "--out", tmp_path / "calm").wait() == 0
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(ROOM - 130_000))
    out = small_disk / "out"
    full = warm.start(*command, "--out", out)
    assert full.wait() == 1
    last = full.err.strip().splitlines()[-1]
    assert "No space left on device" in last
    assert "cannot write" in last
    assert "Traceback" not in full.err
    assert not (out / "manifest.json").exists()
    assert not list(out.glob("**/.tmp-*"))
    for half in (*out.glob("shards/*.parquet"), *out.glob("tokens/*.parquet")):
        assert half.read_bytes()[-4:] == b"PAR1"  # whole files only
    ballast.unlink()
    again = warm.start(*command, "--out", out)
    assert again.wait() == 0, again.err
    for name in ("scores.parquet", "rejects.jsonl", "tokens/000000.parquet", "tokens/000014.parquet"):
        assert (out / name).read_bytes() == (tmp_path / "calm" / name).read_bytes()
