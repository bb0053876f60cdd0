"""The pools of the planted-truth benchmark hold what the benchmark says, and nothing of the task."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from recommend.three_pools import CLEAN, DEFECTS, POOLS, Files, defect_of, write_pools


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> Files:
    return write_pools(tmp_path_factory.mktemp("three"), 3)


def rows(path: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize("name", POOLS)
def test_thirty_percent_of_a_pool_are_spoiled(files, name):
    found = Counter(defect_of(row["id"]) for row in rows(files.pools[name]))
    assert found == {CLEAN: 168, **dict.fromkeys(DEFECTS, 12)}  # 240 rows, 6 * 12 = 72 spoiled
    assert {row["id"].split("-")[0] for row in rows(files.pools[name])} == {name}


def test_no_items_of_the_task_are_in_a_pool_but_the_leaked_ones(files):
    asked = {row["question"] for row in rows(files.task)}
    assert len(asked) == 80
    for path in files.pools.values():
        known = {row["id"] for row in rows(path) if row.get("question", row.get("prompt")) in asked}
        assert known == {row["id"] for row in rows(path) if defect_of(row["id"]) == "leaked"}


def test_a_copy_repeats_a_clean_row_and_an_empty_response_is_empty(files):
    pool = rows(files.pools["helpful"])
    clean = {(row["question"], row["answer"]) for row in pool if defect_of(row["id"]) == CLEAN}
    copies = [row for row in pool if defect_of(row["id"]) == "copy"]
    assert all((row["question"], row["answer"]) in clean for row in copies)
    assert len(clean) == 168
    assert all(row["answer"] == "" for row in pool if defect_of(row["id"]) == "empty")


def test_another_seed_gives_other_rows_and_the_same_seed_the_same_bytes(files, tmp_path):
    again, other = write_pools(tmp_path / "again", 3), write_pools(tmp_path / "other", 4)
    for name in POOLS:
        assert again.pools[name].read_bytes() == files.pools[name].read_bytes()
        assert other.pools[name].read_bytes() != files.pools[name].read_bytes()
