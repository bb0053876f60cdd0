""" """

import hashlib
import json

import numpy as np
import pytest

from dataselect.errors import ArtifactError, PoolError
from dataselect.records import Example, Reject
from dataselect.selection.rank import matched_lengths
from dataselect.selection.score_tables import ScoreTable
from dataselect.selection.selection_file import selected_ids, write_records


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


def test_a_pool_that_changed_meanwhile_is_reported(tmp_path):
    with pytest.raises(PoolError, match="'b' is gone: the pool changed"):
        write_records(tmp_path / "out", [example("a", text="x")], ["a", "b"], [1.0, 2.0], "ppl-low")


def table(ids, lengths):
    return ScoreTable("s", list(ids), None, {"response_tokens": np.array(lengths, float)}, {}, None, "")


def write(path, places):
    lines = [json.dumps({"text": "x", "_dataselect": {"id": id_, "rank": rank}}) for id_, rank in places]
    path.write_text("\n".join(lines) + "\n")
    return path


def test_lengths_come_in_rank_order_from_whichever_table_has_them(tmp_path):
    path = write(tmp_path / "s.jsonl", [("c", 3), ("a", 1), ("b", 2)])
    tables = [table("ab", [10, np.nan]), table("bcz", [20, 30, 99])]
    assert matched_lengths(path, tables).tolist() == [10, 20, 30]


def test_a_row_without_a_length_is_an_error_and_not_left_out(tmp_path):
    path = write(tmp_path / "s.jsonl", [("a", 1), ("b", 2), ("x", 3)])
    with pytest.raises(ArtifactError, match=r"2 of 3 rows of .* have no response_tokens .* the first being 'b'"):
        matched_lengths(path, [table("ab", [1, np.nan])])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "is empty"),
        ("\n \n", "is empty"),
        ('{"text": "x"}\n', r"line 1 .* has no _dataselect with id and rank"),
        ('{"_dataselect": {"id": "a", "rank": 1}}\nnot json\n', "line 2"),
        ('{"_dataselect": {"id": "a"}}\n', "line 1"),
        ('{"_dataselect": {"id": "a", "rank": null}}\n', "line 1"),
        ("[1]\n", "line 1"),
    ],
)
def test_a_file_that_is_no_selection_is_refused(tmp_path, text, expected):
    (tmp_path / "s.jsonl").write_text(text)
    with pytest.raises(ArtifactError, match=expected):
        selected_ids(tmp_path / "s.jsonl")


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(ArtifactError, match=r"cannot read the selection .*absent\.jsonl.*check the path"):
        selected_ids(tmp_path / "absent.jsonl")
