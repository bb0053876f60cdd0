"""Text that is not UTF-8 in a table or a pool: a reject, or one line that names the file."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

BAD = b"row-\xff\xfe"


def texts(values: list[bytes]) -> pa.Array:
    """Arrow text whose bytes nobody checked."""
    offsets = np.cumsum([0, *map(len, values)]).astype(np.int32)
    return pa.Array.from_buffers(
        pa.string(), len(values), [None, pa.py_buffer(offsets.tobytes()), pa.py_buffer(b"".join(values))]
    )


def written(kind: str, folder, ids: list[bytes], name: str):
    """A table of ids and numbers, with bytes as they are."""
    path = folder / f"{name}.{kind}"
    if kind == "parquet":
        columns = {"id": texts(ids), "rating": pa.array([1.0] * len(ids))}
        pq.write_table(pa.table(columns), path)
    elif kind == "csv":
        path.write_bytes(b"id,rating\n" + b"".join(id_ + b",1\n" for id_ in ids))
    else:
        path.write_bytes(b"".join(b'{"id": "%s", "rating": 1}\n' % id_ for id_ in ids))
    return path


@pytest.mark.parametrize("kind", ["parquet", "csv", "jsonl"])
def test_an_id_that_is_not_utf8_in_a_score_table_is_told_with_the_file(place, dataselect, tmp_path, kind):
    ids = [f"row-{i}".encode() for i in range(23)] + [BAD]
    table = written(kind, tmp_path, ids, "table")
    out = tmp_path / "chosen.jsonl"
    chosen = ["select", place.folder / "pool.jsonl", "--strategy", "column", "--param", "name=rating"]
    ended = dataselect(*chosen, "--scores", place.folder / "scores", "--scores", table, "--budget", 3, "--out", out)
    assert str(table) in ended.line
    assert not out.exists()
    ended = dataselect("explain", place.folder / "a.jsonl", "row-3", "--scores", table)
    assert str(table) in ended.line


@pytest.mark.parametrize("kind", ["parquet", "csv", "jsonl"])
def test_a_record_whose_id_is_not_utf8_is_a_reject(place, dataselect, tmp_path, kind):
    ids = [f"row-{i}".encode() for i in range(4)] + [BAD]
    pool = tmp_path / f"pool.{kind}"
    if kind == "parquet":
        pq.write_table(pa.table({"id": texts(ids), "prompt": ["Count."] * 5, "response": ["One."] * 5}), pool)
    elif kind == "csv":
        pool.write_bytes(b"id,prompt,response\n" + b"".join(id_ + b",Count.,One.\n" for id_ in ids))
    else:
        pool.write_bytes(b"".join(b'{"id": "%s", "prompt": "Count.", "response": "One."}\n' % id_ for id_ in ids))
    out = tmp_path / "scores"
    arguments = ["--model", place.model, "--backend", "transformers", "--no-cache", "--out", out]
    ended = dataselect("score", pool, *arguments)
    assert ended.code == 0, ended.err
    (reject,) = [json.loads(line) for line in (out / "rejects.jsonl").read_text().splitlines()]
    assert (reject["file"], reject["reason"]) == (pool.name, "not_utf8")
    assert pq.read_table(out / "scores.parquet")["id"].to_pylist() == [id_.decode() for id_ in ids[:4]]
