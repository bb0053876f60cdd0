"""The strategies over clusters: quotas and repetition by hand, on clusters that are given or plain to see."""

import numpy as np
import pytest

from dataselect.embeddings.clusters import Clusters, spherical_kmeans
from dataselect.strategies import Candidates
from dataselect.strategies.kmeans import KMeans, interleaved
from dataselect.strategies.semdedup import SemDedup, repetition


def on_circle(*degrees):
    angles = np.deg2rad(degrees)
    return np.stack([np.cos(angles), np.sin(angles)], 1).astype(np.float32)


def clusters(*labels):
    return Clusters(np.array(labels), np.zeros(len(labels), np.float32), max(labels) + 1)


def test_kmeans_finds_groups_that_are_plain_to_see():
    vectors = on_circle(0, 2, 4, 90, 92, 180, 182, 184, 186)
    found = spherical_kmeans(vectors, 3, seed=0)
    assert [rows.tolist() for rows in found.members()] in (
        [list(p) for p in order] for order in __import__("itertools").permutations([[0, 1, 2], [3, 4], [5, 6, 7, 8]])
    )
    # the middle of 0, 2 and 4 degrees is 2: its own row is the nearest
    assert int(np.argmax(found.cosines[:3])) == 1


def test_the_same_seed_gives_the_same_clusters_and_few_rows_give_few():
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(300, 8)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    np.testing.assert_array_equal(spherical_kmeans(vectors, 7, 3).labels, spherical_kmeans(vectors, 7, 3).labels)
    assert spherical_kmeans(vectors[:2], 7, 3).count == 2


def test_proportional_quotas_by_hand():
    # cluster 0 has rows 0-3 at (i + 0.5) / 4 = .125 .375 .625 .875, cluster 1 rows 4-5 at .25 .75
    order = interleaved(clusters(0, 0, 0, 0, 1, 1), np.array([3.0, 2, 1, 0, 1, 0]), "proportional")
    assert order.tolist() == [3, 5, 2, 1, 4, 0]


def test_equal_quotas_take_turns():
    order = interleaved(clusters(0, 0, 0, 0, 1, 1), np.array([3.0, 2, 1, 0, 1, 0]), "equal")
    assert order.tolist() == [3, 5, 2, 4, 1, 0]


def test_every_prefix_holds_each_clusters_share_to_within_one_row():
    rng = np.random.default_rng(0)
    labels = rng.choice(4, size=200, p=[0.5, 0.3, 0.15, 0.05])
    order = interleaved(clusters(*labels.tolist()), rng.normal(size=200), "proportional")
    for k in (10, 50, 111):
        shares = np.bincount(labels[order[:k]], minlength=4)
        assert np.abs(shares - k * np.bincount(labels, minlength=4) / 200).max() <= 1.0


def test_kmeans_by_a_column_leaves_out_rows_without_it():
    candidates = Candidates(["a", "b", "c"], {"q": np.array([1.0, np.nan, 2.0])}, vectors=on_circle(0, 1, 2))
    ranking = KMeans(clusters=1, score="q").rank(candidates, np.random.default_rng(0))
    assert (ranking.order.tolist(), ranking.scores.tolist()) == ([2, 0], [2.0, 1.0])


def test_repetition_by_hand():
    # cosines to the centre as given: order 2, 1, 0; row 1 repeats row 2 (10 degrees), row 0 repeats row 1 (5 degrees)
    vectors = on_circle(0, 5, 15, 90)
    given = Clusters(np.array([0, 0, 0, 1]), np.array([0.9, 0.8, 0.7, 1.0], np.float32), 2)
    repeated = repetition(vectors, given)
    assert repeated == pytest.approx([np.cos(np.deg2rad(5)), np.cos(np.deg2rad(10)), -1.0, -1.0], abs=1e-6)


def test_repetition_over_blocks_is_that_of_all_pairs(monkeypatch):
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(40, 5)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    given = Clusters(np.zeros(40, np.int64), rng.random(40).astype(np.float32), 1)
    order = np.argsort(given.cosines, kind="stable")
    expected = np.full(40, -1.0)
    for place, row in enumerate(order):
        if place:
            expected[row] = max(float(vectors[row] @ vectors[before]) for before in order[:place])
    monkeypatch.setattr("dataselect.strategies.semdedup.ROWS", 7)
    assert repetition(vectors, given) == pytest.approx(expected, abs=1e-6)


def test_an_exact_copy_comes_last():
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(20, 5)).astype(np.float32)
    vectors[13] = vectors[4]
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    ranking = SemDedup(clusters=3).rank(Candidates([f"{i:02}" for i in range(20)], vectors=vectors), rng)
    assert ranking.order[-1] in (4, 13)
    assert ranking.scores[-1] == pytest.approx(1.0, abs=1e-5)


@pytest.mark.parametrize("strategy", [KMeans, SemDedup])
def test_no_clusters_are_refused(strategy):
    with pytest.raises(ValueError, match="at least 1"):
        strategy(clusters=0)
