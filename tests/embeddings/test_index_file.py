"""The index file: the rule for its kind, its report, its memory, and its recall against sorting all inner products."""

from __future__ import annotations

import tracemalloc
from contextlib import contextmanager

import numpy as np
import pytest

from dataselect.embeddings import index_file
from dataselect.embeddings.index import VectorIndex
from dataselect.embeddings.index_file import (
    build_index,
    chosen_kind,
    exact_similarities,
    machine_memory,
    store_index,
    tuned_recall,
)
from dataselect.stage import StageDirectory

GIB = 2**30


@pytest.mark.parametrize(
    ("rows", "dim", "memory", "kind"),
    [
        (1, 384, 1 * GIB, "exact"),
        (100_000, 4096, 1 * GIB, "exact"),
        (100_001, 384, 16 * GIB, "hnsw"),
        # 500,000 * (4 * 384 + 280) bytes = 0.85 GiB: within a quarter of 4 GiB, not of 3
        (500_000, 384, 4 * GIB, "hnsw"),
        (500_000, 384, 3 * GIB, "ivf"),
        (1_000_000, 384, 64 * GIB, "hnsw"),
        (1_000_001, 384, 64 * GIB, "ivf"),
    ],
)
def test_by_rows_and_memory(rows, dim, memory, kind):
    assert chosen_kind("auto", rows, dim, memory) == kind


@pytest.mark.parametrize("asked", ["exact", "ivf", "hnsw"])
def test_what_is_asked_for_wins(asked):
    assert chosen_kind(asked, 3, 384, GIB) == asked
    assert chosen_kind(asked, 10**7, 384, GIB) == asked


def test_the_memory_of_the_machine_is_a_number_of_bytes_that_stays():
    assert machine_memory() == machine_memory() > 2**28


@contextmanager
def stage_of(path, rows, dim, seed=0):
    vectors = np.random.default_rng(seed).standard_normal((rows, dim)).astype(np.float32)
    with StageDirectory("embed", path, {}, {}) as stage:
        with stage.write("embeddings.npy") as temporary, temporary.open("wb") as file:
            np.save(file, vectors / np.linalg.norm(vectors, axis=1, keepdims=True))
        yield stage


@pytest.mark.parametrize(("asked", "kind"), [("auto", "exact"), ("exact", "exact"), ("ivf", "ivf"), ("hnsw", "hnsw")])
def test_the_report_says_what_the_file_is(tmp_path, asked, kind):
    with stage_of(tmp_path, 400, 8) as stage:
        report = store_index(stage, asked, 5)
        index = VectorIndex.load(tmp_path / "index.faiss")
        assert store_index(stage, asked, None).k == 10
    assert (report.kind, report.asked, report.rows, report.k) == (kind, asked, 400, 5)
    assert (index.kind, index.breadth) == (kind, report.breadth)
    assert (report.queries, report.recall) == (0, 1.0) if kind == "exact" else (400, pytest.approx(0.975, abs=0.026))


@pytest.mark.parametrize("kind", ["exact", "ivf"])
def test_the_vectors_are_never_copied_beside_the_index(tmp_path, monkeypatch, kind):
    """13 MB of vectors: what NumPy allocates meanwhile is the sample, the queries and their neighbours."""
    monkeypatch.setattr(index_file, "_SAMPLE_PER_LIST", 16)  # 223 lists: 3,568 rows, 0.9 MB
    monkeypatch.setattr(index_file, "_QUERIES", 100)
    monkeypatch.setattr(index_file, "WANTED", 0.3)
    with stage_of(tmp_path, 50_000, 64) as stage:
        tracemalloc.start()
        store_index(stage, kind, 10)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak < 0.25 * 50_000 * 64 * 4


def unit_rows(rng, n, dim):
    rows = rng.standard_normal((n, dim))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def clustered(rows, dim=32, clusters=200, copies=1000):
    """Rows around centres, some of them copies of others."""
    rng = np.random.default_rng(0)
    vectors = unit_rows(rng, clusters, dim)[rng.integers(clusters, size=rows)] + 0.6 * unit_rows(rng, rows, dim)
    vectors[rng.choice(rows, copies, replace=False)] = vectors[rng.integers(rows, size=copies)]
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def slow_largest(vectors, own, k):
    products = vectors[own].astype(np.float64) @ vectors.T.astype(np.float64)
    products[np.arange(len(own)), own] = -np.inf
    return -np.sort(-products, axis=1)[:, :k]


@pytest.mark.parametrize("kind", ["ivf", "hnsw"])
def test_of_twenty_thousand_clustered_rows_nineteen_in_twenty_neighbours_are_found(kind):
    vectors = clustered(20_000)
    index = build_index(kind, vectors)
    found = tuned_recall(index, vectors, 10)
    assert (found.k, found.queries, index.kind) == (10, 500, kind)
    assert 0.95 <= found.value <= 1
    # other rows than those it was tuned on, against the sorted products
    own = np.arange(13, 20_000, 97)
    near = index.others(vectors[own], own, 10)
    least = slow_largest(vectors, own, 10)[:, -1]
    hits = near.similarities >= least[:, None] - 1e-6
    assert hits.mean() > 0.9
    products = np.einsum("qd,qkd->qk", vectors[own].astype(np.float64), vectors[near.rows].astype(np.float64))
    np.testing.assert_allclose(near.similarities, products, atol=1e-5)
    assert not (near.rows == own[:, None]).any()


def test_searches_are_widened_until_enough_is_found(monkeypatch):
    """Rows in all directions: their neighbours lie in many lists, so that eight of 54 do not do."""
    vectors = unit_rows(np.random.default_rng(1), 3000, 24)
    index = build_index("ivf", vectors)
    found = tuned_recall(index, vectors, 10)
    assert found.breadth > 8
    assert index.breadth == found.breadth
    assert found.value >= 0.95
    index.search_wide(8)
    own = np.arange(3000)
    narrow = (index.others(vectors, own, 10).similarities >= slow_largest(vectors, own, 10)[:, -1:] - 1e-6).mean()
    assert narrow < 0.95
    monkeypatch.setattr(index_file, "WANTED", 1.1)  # is never reached
    assert tuned_recall(index, vectors, 10).breadth == index.num_lists == 54
    assert tuned_recall(index, vectors, 10).value == 1.0  # all lists: everything is compared


def test_exact_similarities_by_blocks_are_the_sorted_products(monkeypatch):
    monkeypatch.setattr(index_file, "_BLOCK_ROWS", 4)  # the last block holds one row, fewer than k
    vectors = unit_rows(np.random.default_rng(2), 41, 6)
    own = np.array([0, 3, 4, 40])
    np.testing.assert_allclose(
        exact_similarities(vectors, vectors[own], own, 7), slow_largest(vectors, own, 7), atol=1e-6
    )


def test_equal_rows_are_as_good_as_each_other():
    """A hundred copies of each of ten rows: which copies are found does not matter, and the row itself is not found."""
    vectors = np.repeat(unit_rows(np.random.default_rng(3), 10, 8), 100, axis=0)
    for kind in ("ivf", "hnsw"):
        index = build_index(kind, vectors)
        found = tuned_recall(index, vectors, 10)
        assert found.value == 1.0
        own = np.arange(1000)
        assert not (index.others(vectors, own, 10).rows == own[:, None]).any()


@pytest.mark.parametrize("kind", ["exact", "ivf", "hnsw"])
def test_a_single_row_has_no_neighbours_and_no_recall(kind):
    vectors = unit_rows(np.random.default_rng(4), 1, 8)
    index = build_index(kind, vectors)
    found = tuned_recall(index, vectors, 10)
    assert (found.k, found.value, found.queries) == (0, None, 0)
    others = index.others(vectors, np.array([0]), 2)
    assert others.rows.tolist() == [[-1, -1]]
    assert np.isnan(others.similarities).all()


@pytest.mark.parametrize("kind", ["exact", "ivf", "hnsw"])
def test_more_neighbours_than_rows_leave_places_empty(kind):
    vectors = unit_rows(np.random.default_rng(5), 5, 8)
    index = build_index(kind, vectors)
    found = tuned_recall(index, vectors, 10)
    assert (found.k, found.value) == (4, 1.0)
    near = index.others(vectors, np.arange(5), 10)
    assert ((near.rows >= 0).sum(axis=1) == 4).all()
    assert (np.isnan(near.similarities) == (near.rows == -1)).all()
    for row in range(5):
        assert set(near.rows[row, :4].tolist()) == set(range(5)) - {row}


@pytest.mark.parametrize("kind", ["exact", "ivf", "hnsw"])
def test_the_same_rows_give_the_same_file_which_searches_as_wide(kind, tmp_path):
    vectors = clustered(600, 16, 20, 50)
    for name in ("a", "b"):
        index = build_index(kind, vectors)
        tuned_recall(index, vectors, 5)
        index.save(tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    loaded = VectorIndex.load(tmp_path / "a")
    assert (loaded.kind, loaded.breadth, len(loaded), loaded.dim) == (kind, index.breadth, 600, 16)
    np.testing.assert_array_equal(loaded.search(vectors, 5).rows, index.search(vectors, 5).rows)
