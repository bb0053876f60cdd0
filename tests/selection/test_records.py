import hashlib
import json

import pytest

from dataselect.errors import PoolError
from dataselect.records import Example, Reject
from dataselect.selection.records import write_records


def example(id_, **record):
    return Example(id_, "p", record, text="x")


def test_writes_in_rank_order_as_they_came_and_replaces_an_older_note(tmp_path):
    pool = [
        example("a", z=1, text="où", _dataselect={"id": "old"}, a=[1.5, None, {"k": True}]),
        Reject("p", 2, "malformed_json", "{"),
        example("b", text="unwanted"),
        example("c", text="\u2028 stays"),
    ]
    sha256 = write_records(tmp_path / "out", pool, ["c", "a"], [2.5, None], "ppl-low")
    content = (tmp_path / "out").read_bytes()
    assert content.decode() == (
        '{"text": "\u2028 stays", "_dataselect": {"id": "c", "rank": 1, "strategy": "ppl-low", "score": 2.5}}\n'
        '{"z": 1, "text": "où", "a": [1.5, null, {"k": true}], '
        '"_dataselect": {"id": "a", "rank": 2, "strategy": "ppl-low", "score": null}}\n'
    )
    assert sha256 == hashlib.sha256(content).hexdigest()
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_long_random_order_survives_the_way_through_the_temporary_file(tmp_path):
    ids = [f"id{i * 7919 % 2000}" for i in range(2000)]
    pool = [example(f"id{i}", text="x" * (i % 97)) for i in range(2000)]
    write_records(tmp_path / "out", pool, ids, [None] * 2000, "random")
    lines = [json.loads(line) for line in (tmp_path / "out").read_text().splitlines()]
    assert [line["_dataselect"]["id"] for line in lines] == ids
    assert all(len(line["text"]) == int(line["_dataselect"]["id"][2:]) % 97 for line in lines)


def test_a_pool_that_changed_meanwhile_is_told(tmp_path):
    with pytest.raises(PoolError, match="'b' is gone: the pool changed"):
        write_records(tmp_path / "out", [example("a", text="x")], ["a", "b"], [1.0, 2.0], "ppl-low")
