"""The growing .npy file and the ids beside it."""

from __future__ import annotations

import json

import numpy as np
import pytest

from dataselect.embeddings.store import vector_file, write_ids, write_targets
from dataselect.errors import PoolError


def test_rows_appended_in_parts_are_one_plain_npy_file(tmp_path):
    rows = np.arange(36, dtype=np.float32).reshape(12, 3)
    with vector_file(tmp_path / "v.npy", 3) as writer:
        for part in (rows[:1], rows[1:1], rows[1:12]):
            writer.append(part)
    np.testing.assert_array_equal(np.load(tmp_path / "v.npy"), rows)
    np.save(tmp_path / "truth.npy", rows)
    assert (tmp_path / "v.npy").read_bytes() == (tmp_path / "truth.npy").read_bytes()


def test_the_header_has_room_for_any_number_of_rows(tmp_path):
    with vector_file(tmp_path / "v.npy", 1) as writer:
        for _ in range(11):
            writer.append(np.ones((1000, 1), np.float32))
    assert np.load(tmp_path / "v.npy", mmap_mode="r").shape == (11_000, 1)


def test_a_fault_half_way_leaves_no_file(tmp_path, stage):
    def fail() -> None:
        with stage.write("v.npy") as temporary, vector_file(temporary, 2) as writer:
            writer.append(np.ones((5, 2), np.float32))
            raise RuntimeError("half way")

    with pytest.raises(RuntimeError, match="half way"):
        fail()
    assert [path for path in tmp_path.rglob("*") if "v.npy" in path.name] == []


def test_ids_are_one_per_line_of_utf8(tmp_path, stage):
    write_ids(stage, ["a", "b c", "日本-2", "\u2028"])
    assert (tmp_path / "ids.txt").read_bytes().decode("utf-8").split("\n") == ["a", "b c", "日本-2", "\u2028", ""]


def test_an_id_with_a_line_break_is_refused(tmp_path, stage):
    with pytest.raises(PoolError, match=r"'a\\nb' holds a line break"):
        write_ids(stage, ["ok", "a\nb"])
    assert not (tmp_path / "ids.txt").exists()


def test_targets_keep_their_ids_and_tasks_line_by_line(tmp_path, stage):
    vectors = np.eye(3, dtype=np.float32)
    write_targets(stage, vectors, ["a", "a", "x\ny"], ["sums.jsonl", "日本.jsonl", "日本.jsonl"])
    np.testing.assert_array_equal(np.load(tmp_path / "targets.npy"), vectors)
    lines = (tmp_path / "targets.jsonl").read_text(encoding="utf-8").split("\n")
    assert [tuple(json.loads(line).values()) for line in lines[:-1]] == [
        ("a", "sums.jsonl"), ("a", "日本.jsonl"), ("x\ny", "日本.jsonl"),
    ]  # fmt: skip
    assert lines[-1] == ""
