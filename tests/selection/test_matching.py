import json

import numpy as np
import pytest

from dataselect.errors import ArtifactError
from dataselect.selection.matching import matched_lengths, selected_ids
from dataselect.selection.tables import ScoreTable


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
    ("text", "told"),
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
def test_a_file_that_is_no_selection_is_refused(tmp_path, text, told):
    (tmp_path / "s.jsonl").write_text(text)
    with pytest.raises(ArtifactError, match=told):
        selected_ids(tmp_path / "s.jsonl")


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(ArtifactError, match=r"cannot read the selection .*check --param match"):
        selected_ids(tmp_path / "absent.jsonl")
