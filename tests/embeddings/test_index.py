"""The FAISS index against sorting all inner products."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dataselect.embeddings import index as index_module
from dataselect.embeddings.index import VectorIndex
from dataselect.errors import ArtifactError, MissingExtraError


def unit_rows(rng: np.random.Generator, n: int, dim: int) -> np.ndarray:
    rows = rng.normal(size=(n, dim))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def test_neighbours_on_the_unit_circle():
    index = VectorIndex(2)
    index.add(np.array([[1.0, 0.0], [0.0, 1.0], [0.6, 0.8]], np.float32))
    # The query (0.8, 0.6): 0.8 * 1 = 0.8;  0.6 * 1 = 0.6;  0.8 * 0.6 + 0.6 * 0.8 = 0.96
    found = index.search(np.array([[0.8, 0.6]], np.float32), k=3)
    assert found.rows.tolist() == [[2, 0, 1]]
    np.testing.assert_allclose(found.similarities, [[0.96, 0.8, 0.6]], atol=1e-6)


def test_chunked_queries_equal_all_inner_products_sorted(monkeypatch):
    monkeypatch.setattr(index_module, "QUERY_ROWS", 7)
    rng = np.random.default_rng(0)
    rows, queries = unit_rows(rng, 50, 12), unit_rows(rng, 23, 12)
    index = VectorIndex(12)
    index.add(rows[:20])
    index.add(rows[20:])
    found = index.search(queries, k=5)
    products = queries.astype(np.float64) @ rows.T.astype(np.float64)
    np.testing.assert_array_equal(found.rows, np.argsort(-products, axis=1)[:, :5])
    np.testing.assert_allclose(found.similarities, -np.sort(-products, axis=1)[:, :5], atol=1e-6)


def test_more_neighbours_than_rows_leave_places_empty_and_their_similarity_is_no_number():
    index = VectorIndex(2)
    index.add(np.eye(2, dtype=np.float32))
    assert index.search(np.eye(2, dtype=np.float32), k=2).rows.tolist() == [[0, 1], [1, 0]]
    found = index.search(np.eye(2, dtype=np.float32), k=3)
    assert found.rows.tolist() == [[0, 1, -1], [1, 0, -1]]
    assert np.isnan(found.similarities).tolist() == [[False, False, True]] * 2
    assert VectorIndex(2).search(np.eye(2, dtype=np.float32), k=1).rows.tolist() == [[-1], [-1]]
    with pytest.raises(AssertionError, match="k = 0"):
        index.search(np.eye(2, dtype=np.float32), k=0)


def test_others_leave_out_the_row_itself_by_its_number_and_not_by_its_place():
    """Five copies and one other: FAISS finds some copies first, which need not hold the row itself."""
    vectors = np.array([[1, 0]] * 5 + [[0.6, 0.8]], np.float32)
    index = VectorIndex(2)
    index.add(vectors)
    for k in (1, 2, 3, 4, 5, 8):
        found = index.others(vectors, np.arange(6), k)
        for row in range(6):
            near = [other for other in found.rows[row].tolist() if other >= 0]
            assert row not in near
            assert len(set(near)) == len(near) == min(k, 5)
        # a copy has four others at cosine 1, then the one at 0.6; that one has all five at 0.6
        expected = [[1, 1, 1, 1, 0.6, np.nan, np.nan, np.nan][:k]] * 5 + [[0.6] * min(k, 5) + [np.nan] * (k - 5)]
        np.testing.assert_allclose(found.similarities, np.array(expected, np.float32), atol=1e-6)


def test_others_by_chunks_equal_all_inner_products_without_the_diagonal(monkeypatch):
    monkeypatch.setattr(index_module, "QUERY_ROWS", 7)
    vectors = unit_rows(np.random.default_rng(6), 40, 5)
    index = VectorIndex(5)
    index.add(vectors)
    own = np.arange(39, 3, -2)
    products = vectors[own].astype(np.float64) @ vectors.T.astype(np.float64)
    products[np.arange(len(own)), own] = -np.inf
    np.testing.assert_array_equal(index.others(vectors[own], own, 4).rows, np.argsort(-products, axis=1)[:, :4])


def test_an_index_made_by_hand_is_exact_whatever_the_size():
    index = VectorIndex(4)
    assert (index.kind, index.breadth) == ("exact", None)
    index.add(np.zeros((300_000, 4), np.float32))
    assert (index.kind, len(index)) == ("exact", 300_000)


def test_saved_and_loaded_it_finds_the_same(tmp_path):
    rng = np.random.default_rng(1)
    rows = unit_rows(rng, 9, 4)
    index = VectorIndex(4)
    index.add(rows)
    index.save(tmp_path / "index.faiss")
    loaded = VectorIndex.load(tmp_path / "index.faiss")
    assert (len(loaded), loaded.dim) == (9, 4)
    np.testing.assert_array_equal(loaded.search(rows, 3).rows, index.search(rows, 3).rows)
    assert [p.name for p in tmp_path.iterdir()] == ["index.faiss"]


@pytest.mark.parametrize("content", [None, b"", b"no index at all"])
def test_a_file_that_is_no_index_is_named(tmp_path, content):
    path = tmp_path / "index.faiss"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ArtifactError, match=r"index\.faiss is not a FAISS index of dataselect"):
        VectorIndex.load(path)


def test_nothing_outside_this_package_reads_an_index_that_may_be_approximate():
    """What strategies publish is exact: they build a `VectorIndex` by hand, and never open or build another."""
    package = Path(index_module.__file__).parents[1]
    for path in package.rglob("*.py"):
        if path.parent.name != "embeddings":
            text = path.read_text(encoding="utf-8")
            assert not [name for name in ("VectorIndex.load", "build_index", "VectorIndex.around") if name in text], (
                path
            )


def test_an_index_by_distance_is_refused(tmp_path):
    faiss = pytest.importorskip("faiss")
    faiss.write_index(faiss.IndexFlatL2(4), str(tmp_path / "index.faiss"))
    with pytest.raises(ArtifactError, match="is not a FAISS index of dataselect"):
        VectorIndex.load(tmp_path / "index.faiss")


def test_without_faiss_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "faiss", None)
    with pytest.raises(MissingExtraError) as caught:
        VectorIndex(2)
    assert caught.value.hint == "pip install 'dataselect[embed]'"
