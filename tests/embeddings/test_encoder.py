"""Unit vectors, vectors without a direction, and padded batches of texts."""

from __future__ import annotations

import numpy as np
import pytest

from dataselect.embeddings.encoder import loading_encoder, plan_batches, unit
from dataselect.errors import DataselectError


def test_rows_are_divided_by_their_length():
    # |(3, 4)| = 5
    np.testing.assert_allclose(unit(np.array([[3.0, 4.0]], np.float32), "e"), [[0.6, 0.8]], atol=1e-7)


def test_very_long_and_very_short_rows_keep_their_direction():
    rows = np.array([[3e30, 4e30], [3e-30, 4e-30]], np.float32)  # squares that float32 cannot hold
    np.testing.assert_allclose(unit(rows, "e"), [[0.6, 0.8], [0.6, 0.8]], atol=1e-6)


@pytest.mark.parametrize("bad", [0.0, np.nan, np.inf])
def test_a_row_without_direction_is_an_error(bad):
    with pytest.raises(DataselectError, match="the encoder e gave 1 of 2 texts a vector that is zero or not finite"):
        unit(np.array([[bad, bad], [1.0, 0.0]], np.float32), "e")


def test_no_rows_are_no_fault():
    assert unit(np.zeros((0, 4), np.float32), "e").shape == (0, 4)


def test_what_a_library_raises_while_loading_becomes_one_line():
    def load() -> None:
        with loading_encoder("e"):
            raise ValueError("bad model\nand a page of advice")

    with pytest.raises(DataselectError, match=r"^the encoder e cannot be loaded: bad model and a page of advice \("):
        load()


def test_batches_keep_the_budget_and_lose_nothing():
    lengths = [5, 90, 33, 33, 7, 1, 200, 64]
    batches = list(plan_batches(lengths, 100))
    assert sorted(i for batch in batches for i in batch) == list(range(8))
    for batch in batches:
        assert len(batch) == 1 or max(lengths[i] for i in batch) * len(batch) <= 100
