import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy import nan

from dataselect.errors import DataselectError
from dataselect.selection.budget import parse_budget
from dataselect.selection.choose import choose
from dataselect.selection.survey import Survey
from dataselect.selection.tables import ScoreTable
from dataselect.strategies import STRATEGIES, make_strategy


def survey_of(ids, rejects=0):
    return Survey(tuple(ids), np.arange(len(ids), dtype=float), rejects)


def table(ids, status=None, not_finite=None, **columns):
    arrays = {key: np.array(values, float) for key, values in columns.items()}
    return ScoreTable("s", list(ids), status, arrays, not_finite or {}, {"template": "qa"}, "")


def chosen(name, budget, pool, tables, seed=0, **params):
    return choose(make_strategy(name, params), parse_budget(budget), seed, pool, tables)


POOL = survey_of("abcdef", rejects=2)
SCORES = table(
    "abcdex",
    ["ok", "ok", "too_long", "truncated", "ok", "ok"],
    not_finite={"ppl": 1},
    ppl=[5, 2, nan, 4, nan, 9],
    total_tokens=[10, 20, 500, 40, 80, 7],
)


def test_the_funnel_adds_up():
    result = chosen("ppl-low", "2", POOL, [SCORES])
    assert (result.ids, result.scores) == (["b", "d"], [2.0, 4.0])
    c = result.counts
    assert (c.pool_rows, c.rejects, c.without_scores, c.unscorable, c.scores_not_in_pool) == (
        6,
        2,
        1,
        {"too_long": 1},
        1,
    )
    assert (c.candidates, c.null_score, c.dropped_by_rule, c.ranked, c.kept, c.kept_tokens) == (4, 1, 0, 3, 2, 60)
    assert c.not_finite == 1
    assert c.pool_rows == c.without_scores + sum(c.unscorable.values()) + c.candidates
    assert c.candidates == c.null_score + c.dropped_by_rule + c.ranked
    assert (result.ranked_by, result.budget, result.short) == (("ppl",), 2, False)
    assert result.rendering == {"template": "qa"}


def test_rows_dropped_by_a_rule_are_counted_apart_from_missing_ones():
    scores = table("abc", ifd=[0.5, 1.5, nan])
    c = chosen("ifd-high", "1", survey_of("abc"), [scores]).counts
    assert (c.null_score, c.dropped_by_rule, c.ranked) == (1, 1, 1)


def test_fewer_rankable_than_asked_keeps_all_and_says_so():
    result = chosen("ppl-low", "5", POOL, [SCORES])
    assert (result.ids, result.short) == (["b", "d", "a"], True)
    result = chosen("ppl-low", "600tok", POOL, [SCORES])
    assert (result.ids, result.short, result.counts.kept_tokens) == (["b", "d", "a"], True, 70)


def test_a_budget_that_is_met_exactly_is_not_short():
    assert not chosen("ppl-low", "3", POOL, [SCORES]).short
    assert not chosen("ppl-low", "70tok", POOL, [SCORES]).short


def test_tokens_stop_before_the_first_row_that_overshoots():
    # b 20, d 40, a 10: 65 would hold b, d and not a; a is not taken in place of d at 35 either
    assert chosen("ppl-low", "65tok", POOL, [SCORES]).ids == ["b", "d"]
    assert chosen("ppl-low", "35tok", POOL, [SCORES]).ids == ["b"]


def test_per_cent_is_of_the_pool_and_not_of_the_candidates():
    assert chosen("ppl-low", "34%", POOL, [SCORES]).budget == 2  # 0.34 * 6 = 2.04; of 3 ranked it would be 1


@pytest.mark.parametrize(("budget", "told"), [("7", "7 examples.*6 rows"), ("651tok", "651 tokens.*650 scored tokens")])
def test_over_the_pool_is_an_error(budget, told):
    with pytest.raises(DataselectError, match=told):
        chosen("ppl-low", budget, POOL, [SCORES])


def test_with_scores_every_strategy_ranks_the_same_scorable_set(tmp_path):
    match = tmp_path / "m.jsonl"
    match.write_text(json.dumps({"_dataselect": {"id": "b", "rank": 1}}))
    full = table(
        "abcdex", SCORES.status, ppl=[5, 2, nan, 4, 3, 9], ifd=[0.1] * 6, similarity=[0.1] * 6,
        response_tokens=[4] * 6, total_tokens=[9] * 6,
    )  # fmt: skip
    for name in STRATEGIES.names():
        params = {"match": str(match)} if name == "length-matched-random" else {}
        assert sorted(chosen(name, "6", POOL, [full], **params).ids) == ["a", "b", "d", "e"], name


def test_longest_takes_tokens_where_a_table_has_them_and_bytes_otherwise():
    tokens = chosen("longest", "2", survey_of("abc"), [table("abc", response_tokens=[9, 8, 7])])
    assert (tokens.ids, tokens.scores, tokens.ranked_by) == (["a", "b"], [9.0, 8.0], ("response_tokens",))
    for tables in ([], [table("abc", similarity=[1, 2, 3])]):
        counted = chosen("longest", "2", survey_of("abc"), tables)
        assert (counted.ids, counted.scores, counted.ranked_by) == (["c", "b"], [2.0, 1.0], ("response_bytes",))


def test_a_draw_has_no_score():
    result = chosen("random", "2", survey_of("abc"), [])
    assert (result.scores, result.ranked_by, result.counts.kept_tokens) == ([None, None], (), None)


def test_kept_tokens_are_unknown_where_a_kept_row_is_not_counted():
    scores = table("ab", ppl=[1, 2], total_tokens=[5, nan])
    assert chosen("ppl-low", "1", survey_of("ab"), [scores]).counts.kept_tokens == 5
    assert chosen("ppl-low", "2", survey_of("ab"), [scores]).counts.kept_tokens is None
    with pytest.raises(DataselectError, match="1 rows that can be ranked have no total_tokens"):
        chosen("ppl-low", "5tok", survey_of("ab"), [scores])


def test_nothing_to_rank_is_an_error_that_says_why():
    scores = table("abc", ["too_long", "ok", "ok"], ifd=[0.5, 1.5, nan])
    with pytest.raises(DataselectError) as caught:
        chosen("ifd-high", "1", survey_of("abcd"), [scores])
    assert caught.value.message == (
        "none of the 4 pool rows can be ranked: 1 without scores, 1 too_long, 1 no value to rank by, "
        "1 dropped by the strategy's rule"
    )


def test_an_empty_pool_is_an_error():
    with pytest.raises(DataselectError, match="no readable example"):
        chosen("random", "1", survey_of("", rejects=3), [])


rows = st.lists(
    st.tuples(st.one_of(st.just(nan), st.floats(0.1, 1.2)), st.integers(1, 30)), min_size=1, max_size=25
).filter(lambda drawn: any(value <= 1 for value, _ in drawn))


@pytest.mark.parametrize("name", STRATEGIES.names())
@settings(max_examples=15, deadline=None)
@given(rows=rows, seed=st.integers(0, 3))
def test_a_larger_budget_only_appends(name, rows, seed, tmp_path_factory):
    ids = [f"id{i:02}" for i in range(len(rows))]
    values, sizes = [value for value, _ in rows], [float(size) for _, size in rows]
    scores = table(ids, ppl=values, ifd=values, similarity=values, response_tokens=sizes, total_tokens=sizes)
    params = {}
    if name == "length-matched-random":
        match = tmp_path_factory.getbasetemp() / "match.jsonl"
        match.write_text(json.dumps({"_dataselect": {"id": ids[-1], "rank": 1}}))
        params = {"match": str(match)}
    whole = chosen(name, str(len(ids)), survey_of(ids), [scores], seed, **params).ids
    for budget in range(1, len(ids) + 1):
        assert chosen(name, str(budget), survey_of(ids), [scores], seed, **params).ids == whole[:budget]
    size = dict(zip(ids, sizes, strict=True))
    for budget in range(int(size[whole[0]]), int(sum(sizes)) + 1, 7):
        kept = chosen(name, f"{budget}tok", survey_of(ids), [scores], seed, **params).ids
        assert kept == whole[: len(kept)]
        assert sum(size[i] for i in kept) <= budget
        assert len(kept) == len(whole) or sum(size[i] for i in whole[: len(kept) + 1]) > budget
