"""What every registered strategy promises, checked on every one of them."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataselect.records import Ranking
from dataselect.strategies import LENGTH, STRATEGIES, Candidates, Text, make_strategy

PARAMS = {
    "length-matched-random": {"match": "other.jsonl"},
    "column": {"name": "rating"},
    "deita": {"threshold": 1.0},
    "rrf": {"of": "ppl-low(scope=sequence), longest"},
    "implicit-gap": {"tuned": "tuned"},
    "combined-margin": {"tuned": "tuned"},
    "pair-length-matched-random": {"match": "other.jsonl"},
    "weighted": {"of": "ppl=-1,ifd=0.5"},
}
"""What a strategy cannot be made without."""

VARIANTS = [
    *((name, PARAMS.get(name, {})) for name in STRATEGIES.names()),
    ("ifd-high", {"ratio": "loss"}),
    ("ppl-low", {"scope": "sequence"}),
    ("ppl-mid", {"scope": "sequence"}),
    ("ppl-high", {"scope": "sequence"}),
    ("bpb", {"direction": "high"}),
    ("bpb", {"reference": "tuned"}),
    ("ppl-low", {"steps": "drop"}),
    ("ppl-mid", {"steps": "regress"}),
    ("shifted-fraction", {"direction": "high"}),
    ("mink", {"direction": "low"}),
    ("rsr", {"direction": "high"}),
    ("rsr", {"direction": "mid"}),
    ("column", {"name": "rating", "direction": "mid"}),
    ("excess-loss", {"reference": "tuned"}),
    ("pair-margin", {"of": "likelihood", "direction": "low"}),
    ("pair-margin", {"direction": "mid"}),
    ("length-gap", {"first": "longer"}),
    ("deita", {"score": "rating", "direction": "low", "threshold": 1.0}),
    ("kmeans", {"clusters": 3, "quota": "equal", "score": "rating"}),
    ("semdedup", {"clusters": 2}),
    ("entropy-loo", {"dimensions": 1}),
    ("facility-location", {"neighbours": 3}),
    ("facility-location", {"kernel": "euclidean"}),
    ("zip", {"k1": 5, "k2": 3, "k3": 2}),
    ("rds-plus", {"duplicates": "skip"}),
    ("dsir", {"smoothing": 0.0, "text": "response"}),
    ("rrf", {"of": "k-center,zip(k1=5,k2=3,k3=2),rds-plus", "k": 0}),
    ("weighted", {"of": "ppl=-1,rating=2", "normalise": "zscore"}),
]
DRAWN = {"random", "length-matched-random", "pair-length-matched-random", "dsir"}
"""Those whose order depends on the seed."""

SHARES = {"step_tokens": 0.25, "step_nll": 0.25}
"""Columns that count a part of what another column counts."""

TARGETS = {"sums.jsonl": (0.2, 0.3), "stories.jsonl": (0.9,)}
"""Targets of the two files, in the same measure as the candidates."""

every = pytest.mark.parametrize(("name", "params"), VARIANTS, ids=lambda v: v if isinstance(v, str) else "-".join(v))


def needed(strategy):
    return (*strategy.needs.columns, LENGTH) if strategy.needs.length else strategy.needs.columns


def candidates_for(strategy, values, ids=None, match=(3.0, 1.0)):
    """Candidates with all that a strategy needs made from `values`; sorted by id, as the framework does.

    A NaN is an absent value: NaN in a column, an empty text, and where vectors are needed no candidate.
    """
    ids = [f"id{i:03}" for i in range(len(values))] if ids is None else ids
    needs = strategy.needs
    there = [i for i in range(len(ids)) if not needs.vectors or not np.isnan(values[i])]
    order = sorted(there, key=ids.__getitem__)
    aims = [(task, aim) for task, some in TARGETS.items() for aim in some]
    return Candidates(
        [ids[i] for i in order],
        {name: np.array([values[i] for i in order], float) * SHARES.get(name, 1.0) for name in needed(strategy)},
        np.array(match) if needs.selection else np.zeros(0),
        match_rejected_lengths=np.array(match) if needs.match_rejected else np.zeros(0),
        vectors=vectors_of([values[i] for i in order]) if needs.vectors else None,
        target_vectors=vectors_of([aim for _, aim in aims] if needs.targets else []),
        target_tasks=[task for task, _ in aims] if needs.targets else (),
        texts=[text_of(ids[i], values[i]) for i in order] if needs.texts else (),
        target_texts=[text_of(task, aim) for task, aim in aims] if needs.target_texts else (),
        target_text_tasks=[task for task, _ in aims] if needs.target_texts else (),
        sources=["pool.jsonl"] * len(order) if needs.sources else (),
    )


def vectors_of(values):
    """Unit vectors in a quarter of the plane, at an angle that grows with the value."""
    angles = np.array(values, np.float64) * np.pi / 2
    return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


def text_of(id_, value):
    """A prompt of its own and a response of few words; nothing at all where there is no value."""
    return (
        Text("", "") if np.isnan(value) else Text(f"Explain {id_}.", f"{value} of it, or {round(8 * value)} eighths.")
    )


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
    anything = not needed(strategy) and not strategy.needs.texts and not strategy.needs.vectors
    expected = [f"id{i:03}" for i, value in enumerate(values) if anything or not np.isnan(value)]
    ranked = [candidates.ids[i] for i in ranking.order]
    assert sorted(ranked) == expected  # values are at most 1, so that no rule drops any
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
def test_the_seed_matters_only_to_strategies_that_draw(name, params):
    strategy = make_strategy(name, params)
    candidates = candidates_for(strategy, [0.2, 0.4, 0.6, 0.8, 1.0] * 10)
    drawn = len({tuple(ranked_ids(strategy, candidates, seed)) for seed in range(5)}) > 1
    few_clusters = params.get("clusters", 50) < 50  # as many clusters as rows leave nothing to draw
    assert drawn == (name in DRAWN or few_clusters)
    assert not (drawn and strategy.by_score)


@every
def test_equal_scores_are_ordered_by_id(name, params):
    strategy = make_strategy(name, params)
    candidates = candidates_for(strategy, [0.5] * 30)
    ranking = strategy.rank(candidates, np.random.default_rng(0))
    if strategy.by_score:
        assert ranking.order.tolist() == list(range(30))


@every
@settings(max_examples=20, deadline=None)
@given(values=pools)
def test_by_score_means_that_scores_rise_or_fall_along_the_order(name, params, values):
    strategy = make_strategy(name, params)
    scores = strategy.rank(candidates_for(strategy, values), np.random.default_rng(0)).scores
    if strategy.by_score:
        assert (np.diff(scores) >= 0).all() or (np.diff(scores) <= 0).all()


@every
@settings(max_examples=20, deadline=None)
@given(values=pools, seed=st.integers(0, 5), limit=st.integers(1, 45))
def test_a_limit_stops_early_and_changes_no_place(name, params, values, seed, limit):
    strategy = make_strategy(name, params)
    candidates = candidates_for(strategy, values)
    whole = strategy.rank(candidates, np.random.default_rng(seed))
    part = strategy.rank(dataclasses.replace(candidates, limit=limit), np.random.default_rng(seed))
    assert part.order.tolist() == whole.order[: len(part.order)].tolist()
    assert len(part.order) >= min(limit, len(whole.order))
    assert whole.complete
    assert len(part.order) == len(whole.order) if part.complete else len(part.order) == limit


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
