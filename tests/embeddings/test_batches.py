"""Padded batches of texts."""

from __future__ import annotations

from dataselect.embeddings.batches import plan_batches


def test_batches_keep_the_budget_and_lose_nothing():
    lengths = [5, 90, 33, 33, 7, 1, 200, 64]
    batches = list(plan_batches(lengths, 100))
    assert sorted(i for batch in batches for i in batch) == list(range(8))
    for batch in batches:
        assert len(batch) == 1 or max(lengths[i] for i in batch) * len(batch) <= 100
