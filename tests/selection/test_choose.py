import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy import nan

from dataselect.errors import DataselectError
from dataselect.selection.budget import parse_budget
from dataselect.selection.inputs import SelectionInputs, TargetTexts
from dataselect.selection.length_control import LengthBins, LengthResidual
from dataselect.selection.pool_index import PoolIndex
from dataselect.selection.request import Plan
from dataselect.selection.score_tables import ScoreTable
from dataselect.selection.selecting import choose
from dataselect.selection.stages import Stage
from dataselect.selection.vectors import Vectors
from dataselect.strategies import STRATEGIES, Text, make_strategy


def survey_of(ids, rejects=0):
    texts = tuple(Text(f"Explain {id_}.", f"It is {i}.") for i, id_ in enumerate(ids))
    return PoolIndex(tuple(ids), np.arange(len(ids), dtype=float), rejects, ("p.jsonl",) * len(ids), texts)


def vectors_of(ids):
    """Unit vectors all round the circle for `ids`, in another order than they come, and two targets."""
    angles = np.arange(len(ids)) * 2.0
    matrix = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    targets = np.array([[1, 0], [0, 1]], np.float32)
    return Vectors(Path("embeddings"), list(ids)[::-1], matrix, targets, ("t.jsonl", "t.jsonl"))


def table(ids, status=None, not_finite=None, **columns):
    arrays = {key: np.array(values, float) for key, values in columns.items()}
    return ScoreTable("s", list(ids), status, arrays, not_finite or {}, {"template": "qa"}, "")


def chosen(name, budget, pool, tables, seed=0, length_control=None, /, **params):
    vectors, targets = vectors_of(pool.ids), TargetTexts((Text("Explain.", "It is so."),), ("t.jsonl",), 0, ())
    strategy = make_strategy(name, params)
    plan = Plan((Stage(name, strategy),), parse_budget(budget), seed, length_control)
    return choose(plan, pool, SelectionInputs(tables, vectors, targets))


def required(name, match):
    """What the strategy `name` cannot be made without."""
    of = "ppl=-1,ifd=0.5" if name == "weighted" else "ppl-low,longest"
    given = {"match": str(match), "name": "ppl", "of": of, "tuned": "tuned"}
    fields = dataclasses.fields(STRATEGIES.load(name))
    return {f.name: given[f.name] for f in fields if f.name in given and f.default is dataclasses.MISSING}


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
    assert c.left_out == {"without_scores": 1, "too_long": 1, "null_score": 1, "over_budget": 1}
    assert list(c.left_out) == ["without_scores", "too_long", "null_score", "over_budget"]  # in the order of the steps
    assert (c.pool_rows, c.ranked, c.kept, c.kept_tokens) == (6, 3, 2, 60)
    assert (c.rejects, c.scores_not_in_pool, c.not_finite) == (2, 1, 1)
    assert c.pool_rows == sum(c.left_out.values()) + c.kept
    assert (result.ranked_by, result.cut.amount, result.cut.short) == (("ppl",), 2, False)
    assert result.rendering == {"template": "qa"}


def test_rows_dropped_by_a_rule_are_counted_apart_from_missing_ones():
    scores = table("abc", ifd=[0.5, 1.5, nan])
    c = chosen("ifd-high", "1", survey_of("abc"), [scores]).counts
    assert (c.left_out, c.ranked) == ({"null_score": 1, "dropped_by_rule": 1}, 1)


def test_rows_that_a_costly_strategy_did_not_get_to_are_counted_apart_from_dropped_ones():
    c = chosen("zip", "2", survey_of("abcde"), []).counts
    assert (c.left_out, c.ranked, c.kept) == ({"not_reached": 3}, 2, 2)
    result = chosen("zip", "25tok", survey_of("abcde"), [table("abcde", total_tokens=[10, 10, 10, 10, 10])])
    c = result.counts
    assert (c.left_out, c.ranked, c.kept, result.cut.short) == ({"not_reached": 3}, 2, 2, False)


def test_length_control_reorders_before_the_cut_and_is_named():
    scores = table("abcdef", ppl=[1, 2, 3, 4, 5, 6], response_tokens=[9, 9, 9, 1, 1, nan])
    plain = chosen("ppl-low", "3", survey_of("abcdef"), [scores])
    assert (plain.ids, plain.ranked_by) == (["a", "b", "c"], ("ppl",))
    bins = chosen("ppl-low", "3", survey_of("abcdef"), [scores], 0, LengthBins(2))
    # the short bin d e stands at 1/4 and 3/4, the long one a b c at 1/6, 3/6 and 5/6
    assert (bins.ids, bins.scores, bins.ranked_by) == (["a", "d", "b"], [1.0, 4.0, 2.0], ("ppl", "response_tokens"))
    assert (bins.counts.left_out["null_score"], bins.counts.ranked) == (1, 5)
    # places 0 1 2 at 9 tokens and 3 4 at 1: the line goes through their means 1 and 3.5
    residual = chosen("ppl-low", "3", survey_of("abcdef"), [scores], 0, LengthResidual())
    assert residual.ids == ["a", "d", "b"]
    np.testing.assert_allclose(residual.scores, [-1.0, -0.5, 0.0], atol=1e-12)


def test_length_control_without_scores_counts_bytes():
    judged = table("abcd", rating=[4, 3, 2, 1])  # 0 to 3 bytes: the bins are a b and c d
    result = chosen("column", "4", survey_of("abcd"), [judged], 0, LengthBins(2), name="rating")
    assert (result.ids, result.ranked_by) == (["a", "c", "b", "d"], ("rating", "response_bytes"))


def test_fewer_rankable_than_asked_keeps_all_and_says_so():
    result = chosen("ppl-low", "5", POOL, [SCORES])
    assert (result.ids, result.cut.short) == (["b", "d", "a"], True)
    result = chosen("ppl-low", "600tok", POOL, [SCORES])
    assert (result.ids, result.cut.short, result.counts.kept_tokens) == (["b", "d", "a"], True, 70)


def test_a_budget_that_is_met_exactly_is_not_short():
    assert not chosen("ppl-low", "3", POOL, [SCORES]).cut.short
    assert not chosen("ppl-low", "70tok", POOL, [SCORES]).cut.short


def test_tokens_stop_before_the_first_row_that_overshoots():
    # b 20, d 40, a 10: 65 would hold b, d and not a; a is not taken in place of d at 35 either
    assert chosen("ppl-low", "65tok", POOL, [SCORES]).ids == ["b", "d"]
    assert chosen("ppl-low", "35tok", POOL, [SCORES]).ids == ["b"]


def test_per_cent_is_of_the_pool_and_not_of_the_candidates():
    assert chosen("ppl-low", "34%", POOL, [SCORES]).cut.amount == 2  # 0.34 * 6 = 2.04; of 3 ranked it would be 1


@pytest.mark.parametrize(
    ("budget", "expected"), [("7", "7 examples.*6 rows"), ("651tok", "651 tokens.*650 scored tokens")]
)
def test_over_the_pool_is_an_error(budget, expected):
    with pytest.raises(DataselectError, match=expected):
        chosen("ppl-low", budget, POOL, [SCORES])


def test_with_scores_every_strategy_ranks_the_same_scorable_set(tmp_path):
    match = tmp_path / "m.jsonl"
    match.write_text(json.dumps({"_dataselect": {"id": "b", "rank": 1}}))
    for name in STRATEGIES.names():
        params = required(name, match)
        columns = {"response_tokens": [4] * 6, **dict.fromkeys(make_strategy(name, params).needs.columns, [0.1] * 6)}
        full = table("abcdex", SCORES.status, **columns)
        result = chosen(name, "6", POOL, [full], **params)
        assert set(result.ids) <= {"a", "b", "d", "e"}, name
        assert len(result.ids) + result.counts.left_out.get("dropped_by_rule", 0) == 4, name


def test_rows_without_an_embedding_are_no_candidates_and_are_counted_apart():
    """Of six rows c and e have no embedding, f no score; c is too long as well, which counts first."""
    scores = table("abcde", ["ok", "ok", "too_long", "ok", "ok"], ppl=[1, 2, 3, 4, 5])
    embedded = dataclasses.replace(table("abdf"), embedded=True)
    for tables in ([scores, embedded], [embedded, scores]):
        result = chosen("ppl-low", "3", survey_of("abcdef"), tables)
        assert result.ids == ["a", "b", "d"]
        left_out = {"without_scores": 1, "too_long": 1, "without_embedding": 1}
        assert result.counts.left_out == left_out


def test_vectors_come_in_the_order_of_the_candidates():
    """Four rows at 0, 2, 4 and 6 radians, stored last first; to (1, 0) the cosines are 1, -0.42, -0.65 and 0.96.

    To (0, 1) they are 0, 0.91, -0.76 and -0.28. The first target takes d, then the second c; round two: a, and c again,
    which is lost.
    """
    result = chosen("rds-plus", "3", survey_of("abcd"), [])
    assert result.ids == ["d", "c", "a"]
    np.testing.assert_allclose(result.scores, [1.0, np.sin(2.0), np.cos(6.0)], atol=1e-6)


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
        "none of the 4 pool rows can be ranked: 1 without scores, 1 too_long, 1 with no value to rank by (ifd), "
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
    match = tmp_path_factory.getbasetemp() / "match.jsonl"
    match.write_text(json.dumps({"_dataselect": {"id": ids[-1], "rank": 1}}))
    params = required(name, match)
    columns = dict.fromkeys(make_strategy(name, params).needs.columns, values)
    lengths = dict.fromkeys(("response_tokens", "rejected_response_tokens", "total_tokens"), sizes)
    scores = table(ids, **{**columns, **lengths})
    whole = chosen(name, str(len(ids)), survey_of(ids), [scores], seed, **params).ids
    for budget in range(1, len(ids) + 1):
        assert chosen(name, str(budget), survey_of(ids), [scores], seed, **params).ids == whole[:budget]
    size = dict(zip(ids, sizes, strict=True))
    for budget in range(int(size[whole[0]]), int(sum(sizes)) + 1, 7):
        kept = chosen(name, f"{budget}tok", survey_of(ids), [scores], seed, **params).ids
        assert kept == whole[: len(kept)]
        assert sum(size[i] for i in kept) <= budget
        assert len(kept) == len(whole) or sum(size[i] for i in whole[: len(kept) + 1]) > budget
