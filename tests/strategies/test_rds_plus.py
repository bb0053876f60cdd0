"""RDS+ worked by hand on vectors of the plane, and against the published steps on drawn ones.

Turns played by hand, and by a straight reference that pops from sorted lists.
"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataselect.strategies import Candidates, make_strategy, rds_plus
from dataselect.strategies.rds_plus import share_skipping, share_wasting

ANGLES = {"a": 0, "b": 10, "c": 20, "d": 80, "e": 100}


def at(degrees):
    radians = np.radians(np.array(degrees, np.float64))
    return np.stack([np.cos(radians), np.sin(radians)], axis=1).astype(np.float32)


def candidates_at(targets, tasks, angles=ANGLES, **more):
    return Candidates(
        list(angles), vectors=at(list(angles.values())), target_vectors=at(targets), target_tasks=tasks, **more
    )


def ranked(candidates, **params):
    ranking = make_strategy("rds-plus", params).rank(candidates, np.random.default_rng(0))
    return [candidates.ids[i] for i in ranking.order], ranking


def test_each_target_in_turn_takes_its_nearest_and_a_duplicate_loses_the_turn():
    """Targets at 8, 12 and 90 degrees. The first prefers b a c d e, the second b c a d e, the third d e c b a
    (d and e are both 10 degrees away: by id).

    Round 1: b, (b lost), d. Round 2: a, c, e: all are taken.
    """
    ids, ranking = ranked(candidates_at([8, 12, 90], ["t", "t", "t"]))
    assert ids == ["b", "d", "a", "c", "e"]
    np.testing.assert_allclose(ranking.scores, np.cos(np.radians([2, 10, 8, 8, 10])), atol=1e-6)


def test_skipping_gives_every_target_equally_many():
    """Round 1: b, then c in place of b, d. Round 2: a, then e, the only one left (88 degrees away)."""
    ids, ranking = ranked(candidates_at([8, 12, 90], ["t", "t", "t"]), duplicates="skip")
    assert ids == ["b", "c", "d", "a", "e"]
    np.testing.assert_allclose(ranking.scores, np.cos(np.radians([2, 8, 10, 8, 88])), atol=1e-6)


def test_with_several_files_the_files_take_turns_by_their_nearest_target():
    """File s has targets at 0 and 90 degrees, file u one at 15.

    Distance to s, of the nearer target: a 0, b 10, c 20, d 10, e 10, so that it prefers a b d e c; u prefers b c a d e.
    Round 1: a by s, b by u. Round 2: (b lost), c by u. Round 3: d by s, (a lost). Round 4: e by s.
    """
    ids, ranking = ranked(candidates_at([0, 15, 90], ["s", "u", "s"]))
    assert ids == ["a", "b", "c", "d", "e"]
    np.testing.assert_allclose(ranking.scores, np.cos(np.radians([0, 5, 5, 10, 10])), atol=1e-6)


def test_one_file_is_not_several():
    """The same targets as one file: 0, 15 and 90 degrees each take a turn. Round 1: a, b, d. Round 2: (b), c, e."""
    assert ranked(candidates_at([0, 15, 90], ["t", "t", "t"]))[0] == ["a", "b", "d", "c", "e"]


def test_the_order_of_targets_is_the_order_of_turns():
    assert ranked(candidates_at([90, 12, 8], ["t", "t", "t"]))[0][:2] == ["d", "b"]


@pytest.mark.parametrize("duplicates", ["waste", "skip"])
def test_equal_candidates_come_by_id(duplicates):
    same = candidates_at([10, 40], ["t", "t"], {f"id{i:03}": 30 for i in range(200)})
    assert ranked(same, duplicates=duplicates)[1].order.tolist() == list(range(200))


def test_a_limit_is_enough_where_turns_are_played():
    candidates = candidates_at([8, 12, 90], ["t", "t", "t"], limit=2)
    ids, ranking = ranked(candidates, duplicates="skip")
    assert (ids, ranking.complete) == (["b", "c"], False)


def popped(vectors, targets, tasks):
    """The published steps: all similarities, per task their maximum where there are several, lists sorted, popped."""
    similarity = targets.astype(np.float64) @ vectors.astype(np.float64).T
    names = sorted(set(tasks), key=tasks.index)
    if len(names) > 1:
        similarity = np.stack([similarity[[task == name for task in tasks]].max(axis=0) for name in names])
    queues = [sorted(range(len(vectors)), key=lambda i, row=row: -row[i]) for row in similarity]
    order = []
    while len(order) < len(vectors):
        for queue in queues:
            one = queue.pop(0) if queue else None
            if one is not None and one not in order:
                order.append(one)
    return order


@pytest.mark.parametrize("tasks", [["t"] * 9, ["s", "u", "s", "s", "w", "w", "u", "s", "s"]])
def test_equals_the_published_steps_on_drawn_vectors(tasks):
    rng = np.random.default_rng(3)
    vectors, targets = (rng.standard_normal((n, 8)).astype(np.float32) for n in (300, 9))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    targets /= np.linalg.norm(targets, axis=1, keepdims=True)
    ids = [f"id{i:03}" for i in range(300)]
    candidates = Candidates(ids, vectors=vectors, target_vectors=targets, target_tasks=tasks)
    assert ranked(candidates)[1].order.tolist() == popped(vectors, targets, tasks)


LISTS = np.array([[0.9, 0.8, 0.7, 0.1], [0.8, 0.9, 0.2, 0.1], [0.9, 0.3, 0.6, 0.5]], np.float32)
"""Three queries who prefer 0 1 2 3, 1 0 2 3 and 0 2 3 1."""


def wasting(lists):
    return share_wasting(iter(lists), lists.shape[1], len(lists))


def skipping(lists, limit=None):
    number = lists.shape[1]
    return share_skipping(lambda rows: iter(lists[:, rows]), number, len(lists), number if limit is None else limit)


def popped_in_turns(lists, waste):
    """The rule as it is stated: sorted lists, turn after turn, until no candidate is left."""
    queues = [sorted(range(len(row)), key=lambda i, row=row: (-row[i], i)) for row in lists]
    order, similarity = [], []
    while len(order) < lists.shape[1]:
        for queue, row in zip(queues, lists, strict=True):
            while queue:
                one = queue.pop(0)
                if one not in order:
                    order.append(one)
                    similarity.append(row[one])
                elif not waste:
                    continue
                break
    return order, similarity


def test_a_turn_is_lost_where_the_candidate_is_taken():
    """Round 1: query 0 takes 0, query 1 takes 1, query 2 names 0 and loses its turn.

    Round 2: query 0 names 1 and query 1 names 0, both lost; query 2 takes 2. Round 3: 2 and 2 are lost; query 2 takes 3.
    """
    shares = wasting(LISTS)
    assert shares.order.tolist() == [0, 1, 2, 3]
    np.testing.assert_array_equal(shares.similarity, np.array([0.9, 0.9, 0.6, 0.5], np.float32))


def test_a_turn_goes_to_the_next_best_where_that_is_asked_for():
    """Query 0 takes 0, query 1 takes 1, query 2 wants 0 and takes 2; then query 0 takes what is left, 3."""
    shares = skipping(LISTS)
    assert shares.order.tolist() == [0, 1, 2, 3]
    np.testing.assert_array_equal(shares.similarity, np.array([0.9, 0.9, 0.6, 0.1], np.float32))


def test_the_first_query_wins_what_two_want_in_the_same_round():
    lists = np.array([[0.1, 0.5, 0.2], [0.1, 0.9, 0.2]], np.float32)
    shares = wasting(lists)
    assert shares.order.tolist() == [1, 2, 0]
    np.testing.assert_array_equal(shares.similarity, np.array([0.5, 0.2, 0.1], np.float32))


grids = st.integers(1, 5).flatmap(
    lambda queries: st.lists(
        st.lists(
            st.one_of(st.sampled_from([0.0, 0.5]), st.floats(-1, 1, width=32)), min_size=queries, max_size=queries
        ),
        max_size=20,
    ).map(lambda rows: np.array(rows, np.float32).reshape(-1, queries).T)
)


@settings(deadline=None)
@given(grids)
def test_equals_lists_that_are_popped(lists):
    for shares, truth in (
        (wasting(lists), popped_in_turns(lists, True)),
        (skipping(lists), popped_in_turns(lists, False)),
    ):
        assert shares.order.tolist() == truth[0]
        assert shares.similarity.tolist() == truth[1]


@pytest.mark.parametrize("cells", [1, 8, 40])
@settings(deadline=None)
@given(lists=grids, limit=st.integers(1, 20))
def test_lists_that_are_cut_short_change_nothing(cells, lists, limit):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rds_plus, "LIST_CELLS", cells)
        assert skipping(lists).order.tolist() == popped_in_turns(lists, False)[0]
        assert skipping(lists, limit).order.tolist() == popped_in_turns(lists, False)[0][:limit]


def test_a_candidate_far_down_all_lists_is_found_behind_many_that_are_taken():
    lists = np.tile(np.linspace(1, 0, 1000, dtype=np.float32), (3, 1))
    assert skipping(lists).order.tolist() == list(range(1000))
    assert wasting(lists).order.tolist() == list(range(1000))
