"""The index file of a folder: what its report says, and that the vectors under it are read from the disk."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from dataselect.embeddings import approximate
from dataselect.embeddings import recall as recall_module
from dataselect.embeddings.index import VectorIndex
from dataselect.embeddings.stored_index import store_index


def folder_of(path, rows, dim, seed=0):
    vectors = np.random.default_rng(seed).standard_normal((rows, dim)).astype(np.float32)
    np.save(path / "embeddings.npy", vectors / np.linalg.norm(vectors, axis=1, keepdims=True))
    return path


@pytest.mark.parametrize(("asked", "kind"), [("auto", "exact"), ("exact", "exact"), ("ivf", "ivf"), ("hnsw", "hnsw")])
def test_the_report_says_what_the_file_is(tmp_path, asked, kind):
    out = folder_of(tmp_path, 400, 8)
    report = store_index(out, asked, 5)
    index = VectorIndex.load(out / "index.faiss")
    assert (report.kind, report.asked, report.rows, report.k) == (kind, asked, 400, 5)
    assert (index.kind, index.breadth) == (kind, report.breadth)
    assert (report.queries, report.recall) == (0, 1.0) if kind == "exact" else (400, pytest.approx(0.975, abs=0.026))
    assert store_index(out, asked, None).k == 10


@pytest.mark.parametrize("kind", ["exact", "ivf"])
def test_the_vectors_are_never_copied_beside_the_index(tmp_path, monkeypatch, kind):
    """13 MB of vectors: what NumPy allocates meanwhile is the sample, the queries and their neighbours."""
    out = folder_of(tmp_path, 50_000, 64)
    monkeypatch.setattr(approximate, "_SAMPLE_PER_LIST", 16)  # 223 lists: 3,568 rows, 0.9 MB
    monkeypatch.setattr(recall_module, "_QUERIES", 100)
    monkeypatch.setattr(recall_module, "WANTED", 0.3)
    tracemalloc.start()
    store_index(out, kind, 10)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 0.25 * 50_000 * 64 * 4
