"""The score cache: equal content costs once, anything that changes a number changes the key, and faults only cost time."""

from __future__ import annotations

import dataclasses
import json
import sqlite3
import time
from contextlib import closing

import numpy as np
import pyarrow.parquet as pq
import pytest

from dataselect.backends.transformers import TransformersBackend
from dataselect.records import Rendered
from dataselect.scoring import ScoreRequest, score
from dataselect.scoring.cache import ScoreCache, cache_path, row_key


def rendered(**changes) -> Rendered:
    plain = Rendered(
        id="a", source="p", text="x y", token_ids=np.array([1, 5, 9], np.int32), parts=np.array([-1, 0, 1], np.int8),
        spans=np.zeros((3, 2), np.int32), status="ok", seams=(), response_bytes=2,
    )  # fmt: skip
    return dataclasses.replace(plain, **changes)


def lines(path, records):
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return str(path)


@pytest.fixture
def asked(monkeypatch):
    """How many sequences the model was asked about, call by call, but for those of the probe (`test_feeding`)."""
    monkeypatch.setattr("dataselect.scoring.worker.ShardWorker._feeding", lambda *_: None)
    counts: list[int] = []
    honest = TransformersBackend.score

    def counting(self, sequences, *options):
        counts.append(len(sequences))
        return honest(self, sequences, *options)

    monkeypatch.setattr(TransformersBackend, "score", counting)
    return counts


def rows_of(number: int) -> list[dict]:
    return [
        {"prompt": f"Name the number {i}.", "response": f"It is {i}, and {i + 1} comes next."} for i in range(number)
    ]


def test_the_key_is_content_and_salt_and_not_the_name():
    key = row_key("salt", rendered())
    assert row_key("salt", rendered(id="b", source="q")) == key
    others = [
        row_key("pepper", rendered()),
        row_key("salt", rendered(token_ids=np.array([1, 5, 8], np.int32))),
        row_key("salt", rendered(parts=np.array([-1, 1, 1], np.int8))),
        row_key("salt", rendered(response_bytes=3)),
        row_key("salt", rendered(status="truncated")),
        row_key("salt", rendered(alone_ids=np.array([1, 9], np.int32), alone_start=1, final_start=2)),
    ]
    assert len({key, *others}) == 7


def test_a_row_comes_back_as_it_was_stored(tmp_path):
    path = tmp_path / "deep" / "scores.sqlite"
    row = {"row": {"ppl": 0.1 + 0.2, "n": None}, "tokens": {"logprob": np.array([-0.1, -1e-7], np.float32)}}
    ScoreCache(path, before=10.0).store({b"k" * 16: row}, now=5.0)
    found = ScoreCache(path, before=10.0).find([b"k" * 16, b"z" * 16])
    assert list(found) == [b"k" * 16]
    assert found[b"k" * 16]["row"] == {"ppl": 0.30000000000000004, "n": None}
    assert np.array(found[b"k" * 16]["tokens"]["logprob"], np.float32).tolist() == row["tokens"]["logprob"].tolist()


def test_a_run_does_not_see_what_was_stored_after_it_began(tmp_path):
    path = tmp_path / "scores.sqlite"
    ScoreCache(path, before=0).store({b"k": {"row": {}}}, now=100.0)
    assert ScoreCache(path, before=100.0).find([b"k"]) == {}
    assert ScoreCache(path, before=100.5).find([b"k"]) == {b"k": {"row": {}}}


def test_a_cache_that_cannot_be_read_or_written_is_no_cache(tmp_path):
    path = tmp_path / "scores.sqlite"
    path.write_bytes(b"this is no database" * 100)
    cache = ScoreCache(path, before=time.time() + 1)
    cache.store({b"k": {"row": {}}}, now=1.0)
    assert cache.find([b"k"]) == {}
    assert "not a database" in cache.fault


def test_a_damaged_row_is_forgotten_and_stored_again(tmp_path):
    """One digit of a value is another one, and two rows hold each other's value."""
    path = tmp_path / "scores.sqlite"
    rows = {bytes([n]) * 16: {"nll": 1.25 + n} for n in range(4)}
    ScoreCache(path, before=10.0).store(rows, now=5.0)
    first, second, third, fourth = rows
    with closing(sqlite3.connect(path)) as connection, connection:
        change = "UPDATE checked_scores SET value = ?, digest = ? WHERE key = ?"
        ((digest, value), (other, swapped)) = (
            connection.execute("SELECT digest, value FROM checked_scores WHERE key = ?", (key,)).fetchone()
            for key in (first, second)
        )
        connection.execute(change, (value.replace("1.25", "1.75"), digest, third))
        connection.execute(change, (swapped, other, first))
    cache = ScoreCache(path, before=10.0)
    assert cache.find(rows) == {second: rows[second], fourth: rows[fourth]}
    cache.store(rows, now=6.0)
    assert cache.find(rows) == rows


def test_rows_added_to_a_scored_pool_cost_only_themselves(tmp_path, asked):
    request = ScoreRequest((lines(tmp_path / "a.jsonl", rows_of(30)),), "builtin", tmp_path / "first")
    assert score(request).cached == 0
    more = lines(tmp_path / "b.jsonl", [*reversed(rows_of(35))])
    summary = score(dataclasses.replace(request, pools=(more,), out=tmp_path / "second"))
    assert asked == [30, 5]
    assert summary.cached == 30
    first = {row["id"]: row for row in pq.read_table(tmp_path / "first" / "scores.parquet").to_pylist()}
    second = {row["id"]: row for row in pq.read_table(tmp_path / "second" / "scores.parquet").to_pylist()}
    assert len(second) == 35
    for name, row in first.items():
        assert second[name] == row | {"source": "b.jsonl"}


def test_tokens_come_from_the_cache_too(tmp_path, asked):
    request = ScoreRequest(
        (lines(tmp_path / "a.jsonl", rows_of(5)),), "builtin", tmp_path / "first", tokens=True, ifd=True
    )
    score(request)
    assert score(dataclasses.replace(request, out=tmp_path / "second")).cached == 5
    assert len(asked) == 1
    tables = [pq.read_table(tmp_path / name / "tokens" / "000000.parquet") for name in ("first", "second")]
    assert tables[0].equals(tables[1])


def test_equal_rows_of_one_pool_are_asked_once(tmp_path, asked):
    pool = lines(tmp_path / "a.jsonl", rows_of(4) * 3)
    score(ScoreRequest((pool,), "builtin", tmp_path / "out", cache=False))
    assert asked == [4]
    table = pq.read_table(tmp_path / "out" / "scores.parquet").to_pylist()
    assert len({row["id"] for row in table}) == 12
    assert [row["ppl"] for row in table[:4]] * 3 == [row["ppl"] for row in table]


@pytest.mark.parametrize(
    "change", [{"ranks": False}, {"ifd": True}, {"tokens": True}, {"dtype": "bfloat16"}, {"cache": False}]
)
def test_what_changes_the_numbers_or_their_kind_is_scored_again(tmp_path, asked, change):
    request = ScoreRequest((lines(tmp_path / "a.jsonl", rows_of(3)),), "builtin", tmp_path / "first")
    score(request)
    assert score(dataclasses.replace(request, out=tmp_path / "second", **change)).cached == 0
    assert len(asked) == 2


def test_another_template_has_other_tokens_and_so_other_keys(tmp_path, asked):
    from dataselect.pool import RenderOptions

    request = ScoreRequest((lines(tmp_path / "a.jsonl", rows_of(3)),), "builtin", tmp_path / "first")
    score(request)
    other = dataclasses.replace(request, out=tmp_path / "second", rendering=RenderOptions(template="qa"))
    assert score(other).cached == 0


def test_the_cache_stands_where_the_variable_says(tmp_path, monkeypatch):
    monkeypatch.setenv("DATASELECT_CACHE", str(tmp_path / "here"))
    assert cache_path() == tmp_path / "here" / "scores.sqlite"
    monkeypatch.delenv("DATASELECT_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_path() == tmp_path / "dataselect" / "scores.sqlite"
