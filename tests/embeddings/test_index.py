"""The FAISS index against sorting all inner products."""

from __future__ import annotations

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


def test_k_equal_to_the_rows_works_and_more_is_our_own_fault():
    index = VectorIndex(2)
    index.add(np.eye(2, dtype=np.float32))
    assert index.search(np.eye(2, dtype=np.float32), k=2).rows.tolist() == [[0, 1], [1, 0]]
    with pytest.raises(AssertionError, match="k = 3"):
        index.search(np.eye(2, dtype=np.float32), k=3)


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
    with pytest.raises(ArtifactError, match=r"index\.faiss is not an exact FAISS index"):
        VectorIndex.load(path)


def test_without_faiss_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "faiss", None)
    with pytest.raises(MissingExtraError) as caught:
        VectorIndex(2)
    assert caught.value.hint == "pip install 'dataselect[embed]'"
