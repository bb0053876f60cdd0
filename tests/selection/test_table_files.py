import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dataselect.errors import ArtifactError
from dataselect.selection.table_files import read_columns

ROWS = [
    {"id": "007", "rating": 4.5, "note": 'well, "done"\nindeed'},
    {"id": "b", "rating": None, "note": "NA"},
    {"id": "NA", "rating": 3.0, "note": ""},
]


def write(path):
    if path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(ROWS), path)
    elif path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    else:
        path.write_text('note,id,rating\n"well, ""done""\nindeed",007,4.5\nNA,b,\n,NA,3\n')
    return path


@pytest.mark.parametrize("suffix", [".parquet", ".csv", ".jsonl"])
def test_every_format_gives_the_same_columns(tmp_path, suffix):
    table = read_columns(write(tmp_path / f"judge{suffix}"), ["id", "rating", "ppl", "rating"])
    assert table.column_names == ["id", "rating"]
    assert table.to_pydict() == {"id": ["007", "b", "NA"], "rating": [4.5, None, 3.0]}


def test_whole_and_broken_numbers_may_be_mixed(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"id": 1, "rating": 4}\n{"id": 2, "rating": 4.5}\n')
    (tmp_path / "a.csv").write_text("id,rating\n1,4\n2,4.5\n")
    for name in ("a.jsonl", "a.csv"):
        table = read_columns(tmp_path / name, ["id", "rating"])
        assert [str(value) for value in table["id"].to_pylist()] == ["1", "2"]
        assert table["rating"].to_pylist() == [4.0, 4.5]


def test_a_column_that_occurs_twice_is_refused(tmp_path):
    (tmp_path / "a.csv").write_text("id,rating,rating\n1,4,5\n")
    with pytest.raises(ArtifactError, match=r"a\.csv has more than one column rating"):
        read_columns(tmp_path / "a.csv", ["id", "rating"])
    assert read_columns(tmp_path / "a.csv", ["id"]).num_rows == 1


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("x.parquet", b"PAR1 not really", "cannot be read as Parquet"),
        ("x.csv", b"", "cannot be read as CSV: Empty CSV file"),
        ("x.csv", b"id,rating\n1,2,3\n", "cannot be read as CSV: .*Expected 2 columns, got 3"),
        ("x.csv", b"id,rating\n\xff\xfe,3\n", "cannot be read as CSV"),
        ("x.jsonl", b"", "cannot be read as JSON Lines: Empty JSON file"),
        ("x.jsonl", b'{"id": 1}\n{"id"\n', "cannot be read as JSON Lines"),
        ("x.jsonl", b'{"id": 1}\n{"id": "a"}\n', "cannot be read as JSON Lines: .*changed from number to string"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(tmp_path, name, content, told):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ArtifactError, match=told):
        read_columns(tmp_path / name, ["id", "rating"])
