"""Strategies of preference pairs: each rule by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy import nan

from dataselect.errors import UsageError
from dataselect.strategies import Candidates, make_strategy

IDS = ["a", "b", "c", "d"]


def ranked(name, params, columns, **more):
    candidates = Candidates(IDS[: len(next(iter(columns.values())))], columns, **more)
    ranking = make_strategy(name, params).rank(candidates, np.random.default_rng(0))
    return [candidates.ids[i] for i in ranking.order], ranking.scores


def test_the_margin_of_ratings_and_of_likelihood():
    rated = {"rating_margin": np.array([1.0, 3.0, nan, -2.0])}
    assert ranked("pair-margin", {}, rated)[0] == ["b", "a", "d"]
    assert ranked("pair-margin", {"direction": "low"}, rated)[0] == ["d", "a", "b"]
    columns = {
        "response_nll": np.array([6.0, 4.0, 5.0]), "response_tokens": np.array([3.0, 2.0, 5.0]),
        "rejected_response_nll": np.array([6.0, 9.0, nan]), "rejected_response_tokens": np.array([6.0, 3.0, nan]),
    }  # fmt: skip
    order, scores = ranked("pair-margin", {"of": "likelihood"}, columns)
    assert order == ["b", "a"]
    np.testing.assert_allclose(scores, [9 / 3 - 4 / 2, 6 / 6 - 6 / 3])


def test_the_length_gap():
    columns = {
        "response_tokens": np.array([10.0, 5.0, 8.0, 9.0]),
        "rejected_response_tokens": np.array([4.0, 8.0, 9.0, nan]),
    }  # differences 6, -3, -1
    order, scores = ranked("length-gap", {}, columns)
    assert (order, scores.tolist()) == (["c", "b", "a"], [1.0, 3.0, 6.0])
    assert ranked("length-gap", {"first": "longer"}, columns)[0] == ["a", "c", "b"]
    order, scores = ranked("length-gap", {"first": "shorter"}, columns)
    assert (order, scores.tolist()) == (["b", "c", "a"], [-3.0, -1.0, 6.0])


GAPS = {
    "nll_difference.t": np.array([3.0, -1.0, 2.0, nan]),
    "rejected_nll_difference.t": np.array([1.0, 4.0, 1.5, 0.0]),
}
"""Gaps 2, -5 and 0.5."""


def test_the_smallest_implicit_gap_comes_first():
    order, scores = ranked("implicit-gap", {"tuned": "t", "beta": "0.5"}, GAPS)
    assert order == ["b", "c", "a"]
    np.testing.assert_allclose(scores, [0.5 * -5, 0.5 * 0.5, 0.5 * 2])


def test_the_largest_combined_margin_comes_first():
    # ratings 2, 4, -1 and gaps 2, -5, 0.5, each over the root of its mean square: 21 / 3 and 29.25 / 3
    columns = {**GAPS, "rating_margin": np.array([2.0, 4.0, -1.0, 9.0])}
    order, scores = ranked("combined-margin", {"tuned": "t"}, columns)
    rated, implicit = math.sqrt(21 / 3), math.sqrt(29.25 / 3)
    expected = {"a": 2 / rated + 2 / implicit, "b": 4 / rated - 5 / implicit, "c": -1 / rated + 0.5 / implicit}
    assert order == sorted(expected, key=expected.__getitem__, reverse=True) == ["a", "b", "c"]
    np.testing.assert_allclose(scores, [expected[id_] for id_ in order])


@pytest.mark.parametrize(
    ("params", "expected"),
    [({"tuned": ""}, "expected the name of a further model"), ({"tuned": "t", "beta": "0"}, "beta: expected a number")],
)
def test_wrong_options_of_the_implicit_gap_are_named(params, expected):
    with pytest.raises(UsageError, match=expected):
        make_strategy("implicit-gap", params)


def test_the_control_follows_both_lengths():
    rng = np.random.default_rng(5)
    n = 400
    chosen, rejected = (rng.integers(5, 500, n).astype(float) for _ in range(2))
    selected = np.arange(0, n, 40)  # ten pairs of the pool are the matched selection
    ids = [f"p{i:03}" for i in range(n)]
    candidates = Candidates(
        ids, {"response_tokens": chosen, "rejected_response_tokens": rejected},
        match_lengths=chosen[selected], match_ids=[ids[i] for i in selected],
        match_rejected_lengths=rejected[selected],
    )  # fmt: skip
    strategy = make_strategy("pair-length-matched-random", {"match": "x.jsonl"})
    order = strategy.rank(candidates, np.random.default_rng(0)).order
    assert sorted(order.tolist()) == list(range(n))
    taken: set[int] = set()
    for place, row in enumerate(order.tolist()):
        target = selected[place % 10]
        left = [i for i in range(n) if i not in taken]
        away = {
            i: abs(math.log(chosen[i] / chosen[target])) + abs(math.log(rejected[i] / rejected[target])) for i in left
        }
        others = [i for i in left if i not in selected]
        nearest, nearest_other = min(left, key=away.get), min(others, key=away.get, default=None)
        near = nearest_other is not None and away[nearest_other] <= 2 * math.log(1.1)
        expected = nearest_other if near or nearest_other is None else nearest
        assert away[row] == pytest.approx(away[nearest if expected is None else expected], abs=1e-12)
        taken.add(row)


def test_a_labelled_reply_and_a_pair_without_numbers_are_not_drawn():
    columns = {
        "response_tokens": np.array([5.0, 5.0, nan]),
        "rejected_response_tokens": np.array([nan, 5.0, nan]),
    }
    more = {"match_lengths": np.array([5.0]), "match_rejected_lengths": np.array([5.0])}
    assert ranked("pair-length-matched-random", {"match": "x.jsonl"}, columns, **more)[0] == ["b"]
