""" """

import json
from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dataselect.errors import ArtifactError
from dataselect.selection.score_tables import read_columns, read_table


@pytest.fixture
def write(seal):
    """A function that writes a score folder."""
    return partial(_write, seal)


def _write(seal, folder, parts, manifest=True):
    """A score folder of one table, or of shards."""
    folder.mkdir(parents=True)
    if len(parts) == 1:
        pq.write_table(pa.table(parts[0]), folder / "scores.parquet")
    else:
        (folder / "scores").mkdir()
        for number, part in enumerate(parts):
            pq.write_table(pa.table(part), folder / "scores" / f"{number:05}.parquet")
    return seal(folder, "score", {"rendering": {"template": "qa"}} if manifest else None)


ROWS = {"id": ["a", "b", "c"], "status": ["ok", "too_long", "truncated"], "ppl": [1.5, None, 3.0]}


def test_reads_a_folder(tmp_path, write):
    table = read_table(write(tmp_path / "s", [ROWS]), ["ppl", "ifd"])
    assert (table.ids, table.status) == (["a", "b", "c"], ["ok", "too_long", "truncated"])
    np.testing.assert_equal(table.columns, {"ppl": np.array([1.5, np.nan, 3.0])})
    assert table.rendering == {"template": "qa"}
    assert table.not_finite == {}


def test_shards_are_one_table(tmp_path, write):
    shards = [{"id": ["a"], "status": ["ok"], "ppl": [1.5]}, {"id": ["b"], "status": ["ok"], "ppl": pa.array([None])}]
    folder = write(tmp_path / "s", shards)
    (folder / "scores" / ".tmp-1-00002.parquet").write_bytes(b"half a shard")
    table = read_table(folder, ["ppl"])
    assert table.ids == ["a", "b"]
    np.testing.assert_equal(table.columns["ppl"], [1.5, np.nan])


def test_a_file_is_a_table_without_status_or_manifest(tmp_path):
    pq.write_table(pa.table({"id": [1, 2], "similarity": [0.5, 0.25]}), tmp_path / "x.parquet")
    table = read_table(tmp_path / "x.parquet", ["similarity"])
    assert (table.ids, table.status, table.rendering) == (["1", "2"], None, None)


def test_ratings_of_a_judge_are_a_table(tmp_path):
    (tmp_path / "judge.csv").write_text("id,rating\n007,4.5\nb,\nc,inf\n")
    (tmp_path / "judge.jsonl").write_text('{"id": 7, "rating": 4.5}\n{"id": "7b"}\n'.replace("7,", '"7",'))
    table = read_table(tmp_path / "judge.csv", ["rating", "ppl"])
    assert (table.ids, table.status, table.not_finite) == (["007", "b", "c"], None, {"rating": 1})
    np.testing.assert_equal(table.columns, {"rating": np.array([4.5, np.nan, np.nan])})
    table = read_table(tmp_path / "judge.jsonl", ["rating"])
    assert table.ids == ["7", "7b"]
    np.testing.assert_equal(table.columns["rating"], [4.5, np.nan])


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.dictionary(pa.int8(), pa.string())])
def test_texts_are_read_where_they_may_be(tmp_path, kind):
    table = pa.table(
        {"id": ["a", "b", "c"], "lang": pa.array(["en", None, "de"]).cast(kind), "source": ["x", "x", "y"]}
    )
    pq.write_table(table, tmp_path / "t.parquet")
    found = read_table(tmp_path / "t.parquet", ["lang"], {"lang"})
    assert found.texts["lang"].tolist() == ["en", None, "de"]
    assert found.columns == {}
    with pytest.raises(ArtifactError, match=r"the column lang of .* should hold numbers"):
        read_table(tmp_path / "t.parquet", ["lang"])


def test_what_may_be_texts_may_be_numbers(tmp_path):
    (tmp_path / "judge.csv").write_text("id,rating\na,4\n")
    found = read_table(tmp_path / "judge.csv", ["rating"], {"rating"})
    assert (found.texts, found.columns["rating"].tolist()) == ({}, [4.0])


def test_a_manifest_beside_ratings_is_not_theirs(tmp_path, write):
    folder = write(tmp_path / "s", [ROWS])
    (folder / "judge.csv").write_text("id,rating\na,1\n")
    assert read_table(folder / "judge.csv", ["rating"]).rendering is None


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("id,rating\na,good\n", "the column rating of .* should hold numbers, not string"),
        ("id,rating\na,true\n", "the column rating of .* should hold numbers, not bool"),
        ("key,rating\na,1\n", "has no column id"),
        ("id,rating\na,1\n,2\n", "row 2 of .* has no id"),
        ("id,rating\na,1\na,2\n", "row 2 of .* has the id 'a' of an earlier row"),
    ],
)
def test_bad_ratings_are_refused_by_name(tmp_path, content, expected):
    (tmp_path / "judge.csv").write_text(content)
    with pytest.raises(ArtifactError, match=expected):
        read_table(tmp_path / "judge.csv", ["rating"])


def test_a_file_inside_a_folder_takes_its_manifest(tmp_path, write):
    assert read_table(write(tmp_path / "s", [ROWS]) / "scores.parquet", []).rendering == {"template": "qa"}


def test_not_finite_values_become_missing_and_are_counted_apart_from_null(tmp_path, write):
    rows = {"id": list("abcde"), "ppl": [1.0, None, float("nan"), float("inf"), float("-inf")]}
    table = read_table(write(tmp_path / "s", [rows]), ["ppl"])
    np.testing.assert_equal(table.columns["ppl"], [1.0, np.nan, np.nan, np.nan, np.nan])
    assert table.not_finite == {"ppl": 3}


def test_whole_numbers_and_single_precision_are_numbers(tmp_path, write):
    rows = {"id": ["a", "b"], "n": pa.array([7, None], pa.int32()), "x": pa.array([0.5, 1.5], pa.float32())}
    table = read_table(write(tmp_path / "s", [rows]), ["n", "x"])
    np.testing.assert_equal(table.columns, {"n": np.array([7.0, np.nan]), "x": np.array([0.5, 1.5])})


def test_the_digest_follows_the_content(tmp_path, write):
    first, second = write(tmp_path / "1", [ROWS]), write(tmp_path / "2", [{**ROWS, "ppl": [1.5, None, 4.0]}])
    assert read_table(first, []).sha256 != read_table(second, []).sha256


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ({"key": ["a"]}, "has no column id"),
        ({"id": ["a", "b", "a"]}, "row 3 of .* has the id 'a' of an earlier row"),
        ({"id": ["a", None]}, "row 2 of .* has no id"),
        ({"id": ["a"], "ppl": ["low"]}, "the column ppl of .* should hold numbers, not string"),
        ({"id": ["a"], "ppl": [[1.0]]}, "the column ppl of .* should hold numbers, not list"),
    ],
)
def test_a_bad_table_is_refused_by_name(tmp_path, write, rows, expected):
    with pytest.raises(ArtifactError, match=expected):
        read_table(write(tmp_path / "s", [rows]), ["ppl"])


def test_an_unfinished_folder_is_refused_with_a_hint(tmp_path, write):
    folder = write(tmp_path / "s", [ROWS], manifest=False)
    with pytest.raises(ArtifactError, match=r"is not finished: it has no manifest\.json .*run dataselect score"):
        read_table(folder, [])
    (folder / "run.json").unlink()
    with pytest.raises(ArtifactError, match="is not a folder of dataselect score or dataselect embed"):
        read_table(folder, [])


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("absent", None, "there is no score table at"),
        ("x.txt", b"id,ppl\n", r"is not a score table .*\.parquet, \.csv, \.jsonl"),
        ("x.parquet", b"PAR1 not really", "cannot be read as Parquet"),
    ],
)
def test_a_wrong_path_is_refused(tmp_path, name, content, expected):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(ArtifactError, match=expected):
        read_table(tmp_path / name, [])


def test_embeddings_without_a_target_have_no_table(tmp_path, seal):
    seal(tmp_path, "embed", {})
    with pytest.raises(ArtifactError, match=r"has no scores\.parquet .*--target"):
        read_table(tmp_path, [])


FILE_ROWS = [
    {"id": "007", "rating": 4.5, "note": 'well, "done"\nindeed'},
    {"id": "b", "rating": None, "note": "NA"},
    {"id": "NA", "rating": 3.0, "note": ""},
]


def write_file(path):
    if path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(FILE_ROWS), path)
    elif path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in FILE_ROWS))
    else:
        path.write_text('note,id,rating\n"well, ""done""\nindeed",007,4.5\nNA,b,\n,NA,3\n')
    return path


@pytest.mark.parametrize("suffix", [".parquet", ".csv", ".jsonl"])
def test_every_format_gives_the_same_columns(tmp_path, suffix):
    table = read_columns(write_file(tmp_path / f"judge{suffix}"), ["id", "rating", "ppl", "rating"])
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
    ("name", "content", "expected"),
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
def test_a_file_that_cannot_be_read_is_named(tmp_path, name, content, expected):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ArtifactError, match=expected):
        read_columns(tmp_path / name, ["id", "rating"])
