"""The rule that says which index a pool gets."""

from __future__ import annotations

import pytest

from dataselect.embeddings.index_choice import chosen_kind, machine_memory

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
