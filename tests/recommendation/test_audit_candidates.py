"""The filter before the comparison of near-duplicates loses no pair, and leaves out what resembles nothing."""

from __future__ import annotations

import numpy as np

from dataselect.selection.band_keys import BandKeys


def _keys(sets) -> BandKeys:
    keys = BandKeys()
    for one in sets:
        keys.add(one)
    return keys


def test_rows_that_share_nothing_are_no_candidates():
    rows = [{f"{row} {gram}" for gram in range(30)} for row in range(2_000)]
    assert len(_keys(rows).sharing(np.arange(2_000))) == 0


def test_pairs_at_the_threshold_are_candidates():
    """Sets of 36 with 32 in common: 32 / 40 = 0.8. A pair is lost with probability (1 - 0.8^4)^24 = 3e-6."""
    pairs = []
    for pair in range(1_000):
        shared = {f"{pair} {gram}" for gram in range(32)}
        pairs += [shared | {f"{pair} {side} {gram}" for gram in range(4)} for side in "ab"]
    assert len(_keys(pairs).sharing(np.arange(2_000))) == 2_000


def test_rows_without_words_and_rows_that_are_not_asked_for_are_left_out():
    same = {"one", "two", "three"}
    keys = _keys([set(), set(), same, same, same])
    assert keys.sharing(np.arange(5)).tolist() == [2, 3, 4]
    assert keys.sharing(np.array([0, 1, 4])).tolist() == []
    assert keys.sharing(np.array([4, 2])).tolist() == [4, 2]
