"""Vectors of a folder of `embed`: joined by id, handed over without a needless copy, and refused where damaged."""

import re

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dataselect.errors import ArtifactError
from dataselect.selection.vectors import read_embedded, read_vectors

ROWS = np.array([[1, 0], [0, 1], [0.6, 0.8], [-1, 0]], np.float32)


@pytest.fixture
def folder(tmp_path, seal):
    """Four rows c a d b, embedded with two targets of two files."""
    np.save(tmp_path / "embeddings.npy", ROWS)
    (tmp_path / "ids.txt").write_text("c\na\nd\nb\n")
    np.save(tmp_path / "targets.npy", ROWS[[2, 0]])
    (tmp_path / "targets.jsonl").write_text('{"id": "1", "task": "sums.jsonl"}\n{"id": "1", "task": "stories.jsonl"}\n')
    pq.write_table(pa.table({"id": list("cadb"), "similarity": [0.1, 0.2, 0.3, 0.4]}), tmp_path / "scores.parquet")
    return seal(tmp_path, "embed", {})


def test_vectors_come_in_the_order_that_is_asked_for(folder):
    vectors = read_vectors(folder, targets=True)
    np.testing.assert_array_equal(vectors.of(["a", "b", "c"]), ROWS[[1, 3, 0]])
    np.testing.assert_array_equal(vectors.targets, ROWS[[2, 0]])
    assert vectors.target_tasks == ("sums.jsonl", "stories.jsonl")
    assert [entry["source"].rsplit("/")[-1] for entry in vectors.inputs] == ["embeddings.npy", "targets.npy"]


def test_all_rows_in_their_order_are_the_map_itself_and_not_a_copy(folder):
    vectors = read_vectors(folder, targets=False)
    assert np.shares_memory(vectors.of(["c", "a", "d", "b"]), vectors.matrix)
    assert not vectors.matrix.flags.writeable
    assert not np.shares_memory(vectors.of(["a", "b", "c", "d"]), vectors.matrix)
    assert (len(vectors.targets), vectors.target_tasks, len(vectors.inputs)) == (0, (), 1)


def test_an_id_without_a_vector_is_reported(folder):
    with pytest.raises(ArtifactError, match="a score for 'x' but no vector"):
        read_vectors(folder, targets=False).of(["a", "x"])


def test_a_folder_without_targets_says_how_to_make_them(folder, seal):
    (folder / "targets.npy").unlink()
    seal(folder, "embed", {})
    read_vectors(folder, targets=False)
    with pytest.raises(ArtifactError, match="was embedded without a target set") as caught:
        read_vectors(folder, targets=True)
    assert caught.value.hint == "dataselect embed POOL --encoder E --target FILE --out DIR, then --embeddings DIR"


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("ids.txt", "c\na\nd\n", "4 vectors and 3 ids"),
        ("ids.txt", "c\na\nc\nb\n", "has an id twice"),
        ("ids.txt", b"\xff\na\nd\nb\n", "ids.txt cannot be read"),
        ("embeddings.npy", b"no array", "embeddings.npy cannot be read"),
        ("embeddings.npy", ROWS.astype(np.float64), "should hold float32 vectors, got float64"),
        ("embeddings.npy", ROWS[0], r"of shape \(2,\)"),
        ("embeddings.npy", ROWS * 2, "not of length 1"),
        ("embeddings.npy", np.where(ROWS > 0, ROWS, np.float32(np.nan)), "not of length 1"),
        ("targets.npy", ROWS[:1], "do not match"),
        ("targets.npy", np.eye(3, dtype=np.float32)[:2], "do not match"),
        ("targets.npy", ROWS[:2] / 2, "not of length 1"),
        ("targets.jsonl", '{"id": "1"}\n', "targets.jsonl cannot be read"),
    ],
)
def test_invalid_vectors_are_reported_and_never_ranked(folder, seal, name, content, expected):
    if isinstance(content, np.ndarray):
        np.save(folder / name, content)
    else:
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ArtifactError, match=rf"{re.escape(name)} is damaged") as caught:
        read_vectors(folder, targets=True)
    assert "dataselect embed" in caught.value.hint
    seal(folder, "embed", {})
    with pytest.raises(ArtifactError, match=expected) as caught:
        read_vectors(folder, targets=True).of(["a", "b"])
    assert "dataselect embed" in caught.value.hint


def test_a_folder_that_embed_did_not_write_is_refused(tmp_path):
    with pytest.raises(ArtifactError, match=r"is not a folder of dataselect embed: it has no run\.json"):
        read_vectors(tmp_path, targets=False)


def test_the_embedded_rows_are_a_table_with_or_without_similarities(folder, seal):
    table = read_embedded(folder, ("similarity", "ppl"))
    assert (table.ids, table.embedded, list(table.columns)) == (list("cadb"), True, ["similarity"])
    (folder / "scores.parquet").unlink()
    seal(folder, "embed", {})
    table = read_embedded(folder, ("similarity",))
    assert (table.ids, table.embedded, table.status, table.columns) == (list("cadb"), True, None, {})


def test_an_unfinished_folder_is_refused_with_or_without_similarities(folder, seal):
    seal(folder, "embed")
    with pytest.raises(ArtifactError, match="is not finished"):
        read_embedded(folder, ())
    (folder / "scores.parquet").unlink()
    with pytest.raises(ArtifactError, match="is not finished"):
        read_embedded(folder, ())
    (folder / "run.json").unlink()
    with pytest.raises(ArtifactError, match="is not a folder of dataselect embed"):
        read_embedded(folder, ())


def test_an_id_may_hold_what_python_takes_for_the_end_of_a_line(folder, seal):
    ids = ["c\u2028", "a\x85", "d\x0c", "b"]
    (folder / "ids.txt").write_text("".join(f"{one}\n" for one in ids), encoding="utf-8")
    seal(folder, "embed", {})
    assert read_vectors(folder, targets=False).ids == ids
