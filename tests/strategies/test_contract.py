"""What every registered strategy promises, checked on every one of them."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataselect.records import Ranking
from dataselect.strategies import LENGTH, STRATEGIES, Candidates, make_strategy

PARAMS = {"length-matched-random": {"match": "other.jsonl"}}
"""What a strategy cannot be made without."""

VARIANTS = [(name, PARAMS.get(name, {})) for name in STRATEGIES.names()] + [("ifd-high", {"ratio": "loss"})]
every = pytest.mark.parametrize(("name", "params"), VARIANTS, ids=lambda v: v if isinstance(v, str) else "-".join(v))


def needed(strategy):
    return (*strategy.needs.columns, LENGTH) if strategy.needs.length else strategy.needs.columns


def candidates_for(strategy, values, ids=None, match=(3.0, 1.0)):
    """Candidates whose every needed column holds `values`; sorted by id, as the framework does."""
    ids = [f"id{i:03}" for i in range(len(values))] if ids is None else ids
    order = sorted(range(len(ids)), key=ids.__getitem__)
    columns = {name: np.array([values[i] for i in order], float) for name in needed(strategy)}
    lengths = np.array(match) if strategy.needs.selection else np.zeros(0)
    return Candidates([ids[i] for i in order], columns, lengths)


def ranked_ids(strategy, candidates, seed=0):
    ranking = strategy.rank(candidates, np.random.default_rng(seed))
    return [candidates.ids[i] for i in ranking.order]


cells = st.one_of(st.just(float("nan")), st.sampled_from([0.25, 0.5, 0.75]), st.floats(0.01, 1.0))
pools = st.lists(cells, min_size=1, max_size=40)


@every
@settings(max_examples=20, deadline=None)
@given(values=pools, seed=st.integers(0, 5), data=st.data())
def test_input_order_does_not_matter(name, params, values, seed, data):
    strategy = make_strategy(name, params)
    ids = [f"id{i:03}" for i in range(len(values))]
    shuffled = data.draw(st.permutations(range(len(values))))
    first = ranked_ids(strategy, candidates_for(strategy, values, ids), seed)
    second = ranked_ids(
        strategy, candidates_for(strategy, [values[i] for i in shuffled], [ids[i] for i in shuffled]), seed
    )
    assert first == second


@every
@settings(max_examples=20, deadline=None)
@given(values=pools, seed=st.integers(0, 5))
def test_ranks_each_candidate_with_values_once_and_null_never(name, params, values, seed):
    strategy = make_strategy(name, params)
    candidates = candidates_for(strategy, values)
    ranking = strategy.rank(candidates, np.random.default_rng(seed))
    expected = range(len(values)) if not needed(strategy) else np.flatnonzero(np.isfinite(values))
    assert sorted(ranking.order) == list(expected)  # values are at most 1, so that no rule drops any
    assert ranking.order.dtype == np.int64
    assert len(ranking.scores) == len(ranking.order)


@every
@settings(max_examples=25, deadline=None)
@given(values=pools, seed=st.integers(0, 5))
def test_the_same_seed_gives_the_same_answer(name, params, values, seed):
    strategy = make_strategy(name, params)
    candidates = candidates_for(strategy, values)
    assert ranked_ids(strategy, candidates, seed) == ranked_ids(strategy, candidates, seed)


@every
def test_the_seed_cannot_matter_where_there_is_a_score(name, params):
    strategy = make_strategy(name, params)
    candidates = candidates_for(strategy, [0.2, 0.4, 0.6, 0.8, 1.0] * 10)
    scores = strategy.rank(candidates, np.random.default_rng(0)).scores
    drawn = len({tuple(ranked_ids(strategy, candidates, seed)) for seed in range(5)}) > 1
    assert not drawn or np.isnan(scores).all()


@every
def test_equal_scores_are_ordered_by_id(name, params):
    strategy = make_strategy(name, params)
    candidates = candidates_for(strategy, [0.5] * 30)
    ranking = strategy.rank(candidates, np.random.default_rng(0))
    if not np.isnan(ranking.scores).any():
        assert ranking.order.tolist() == list(range(30))


@every
def test_no_candidate_and_one_candidate_work(name, params):
    strategy = make_strategy(name, params)
    assert ranked_ids(strategy, candidates_for(strategy, [])) == []
    assert ranked_ids(strategy, candidates_for(strategy, [0.5])) == ["id000"]


@every
def test_describes_itself_and_cannot_be_changed(name, params):
    strategy = make_strategy(name, params)
    assert isinstance(strategy.rank(candidates_for(strategy, [0.5]), np.random.default_rng(0)), Ranking)
    assert strategy.nests is True
    assert strategy.summary
    assert "\n" not in strategy.summary
    with pytest.raises((dataclasses.FrozenInstanceError, TypeError, AttributeError)):
        strategy.nests = False
