"""Files appear whole or not at all, and digests follow content."""

from __future__ import annotations

import os

import pytest

from dataselect import artifacts
from dataselect.artifacts import atomic, digest, file_digest, json_text, write_text
from dataselect.errors import ArtifactError


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path):
    write_text(tmp_path / "f.json", "old")
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_text(tmp_path / "f.json", json_text({"x": float("nan")}))

    def fail_half_way() -> None:
        with atomic(tmp_path / "f.json") as temporary:
            temporary.write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_half_way()
    assert os.listdir(tmp_path) == ["f.json"]
    assert (tmp_path / "f.json").read_text() == "old"


def test_a_folder_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ArtifactError, match="cannot write"), atomic(tmp_path / "file" / "inner.txt") as temporary:
        temporary.write_text("x")


def test_digests_follow_content_and_not_key_order_or_path(tmp_path):
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1}) != digest({"a": 2, "b": 1})
    for name in ("one", "two"):
        (tmp_path / name / "inner").mkdir(parents=True)
        (tmp_path / name / "inner" / "f").write_text("same")
    assert file_digest(tmp_path / "one") == file_digest(tmp_path / "two")


def test_a_digest_is_computed_once_and_again_after_any_change(tmp_path, monkeypatch):
    """A settled file is read once per process; a file that was just written is read each time, so that no change hides."""
    file = tmp_path / "f"
    file.write_bytes(b"one")
    first = file_digest(file)
    file.write_bytes(b"two")  # same size, perhaps within one tick of the clock
    second = file_digest(file)
    assert first != second

    monkeypatch.setattr(artifacts, "_SETTLED", -1e9)
    reads: list[int] = []
    original = artifacts.hashlib.file_digest
    monkeypatch.setattr(artifacts.hashlib, "file_digest", lambda *a: (reads.append(1), original(*a))[1])
    assert [file_digest(file), file_digest(file)] == [second, second]
    assert len(reads) == 1
    os.utime(file, (1, 1))
    assert file_digest(file) == second
    assert len(reads) == 2
