"""Filters, stages, duplicates, quotas and budgets together: the funnel adds up, and what is promised of one step holds
after the others."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy import nan

from dataselect.errors import DataselectError, UsageError
from dataselect.selection.budget import parse_budget
from dataselect.selection.contamination import EvaluationItem, EvaluationTexts
from dataselect.selection.filters import Filters
from dataselect.selection.inputs import SelectionInputs
from dataselect.selection.pool_index import PoolIndex, index_table
from dataselect.selection.quota import parse_quota
from dataselect.selection.ranked_pool import cut
from dataselect.selection.ranking_file import read_ranking, write_ranking
from dataselect.selection.request import Plan, check_tables
from dataselect.selection.score_tables import ScoreTable
from dataselect.selection.selecting import choose
from dataselect.selection.stages import Then, named, parse_stages
from dataselect.selection.summary import LEVELS, SourceRows, composition
from dataselect.selection.vectors import Vectors
from dataselect.strategies import Text, make_strategy


def table(ids, status=None, sources=None, /, **columns):
    arrays = {key: np.array(values, float) for key, values in columns.items()}
    return ScoreTable("s", list(ids), status, arrays, {}, None, "", sources=sources)


def pool_of(ids, sources=None, texts=()):
    sizes = np.arange(len(ids), dtype=float)
    return PoolIndex(list(ids), sizes, 0, list(sources or ["p"] * len(ids)), tuple(texts))


def plan_of(strategy="ppl-low", budget="3", then=(), quota=(), seed=0, **filters):
    params = {"name": "rating"} if strategy == "column" else {}
    stages = parse_stages(strategy, make_strategy(strategy, params), [Then(*one) for one in then])
    return Plan(stages, parse_budget(budget), seed, None, Filters(**filters), parse_quota(quota))


def circle(ids, degrees):
    angles = np.radians(degrees)
    matrix = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    return Vectors(Path("e"), list(ids), matrix, matrix[:1], ("t",))


def reasons_by_id(result):
    return dict(zip(result.ranked.ids, result.cut.exclusions, strict=True))


def test_the_rows_of_each_reason_are_known():
    texts = [Text("", word) for word in ("one", "two", "One", "four", "five words that are leaked", "six", "seven")]
    scores = table(
        "abcdefg", None, ppl=[1, 2, 3, 4, 5, nan, 7], response_tokens=[9, 9, 9, 2, 9, 9, 9], total_tokens=[1] * 7
    )
    evaluation = EvaluationTexts((EvaluationItem("t:1", Text("words that are leaked", "")),), 0, ())
    plan = plan_of(budget="1", where="not ppl == 2", min_tokens=5, dedup=("exact",), decontaminate=("t",))
    result = choose(plan, pool_of("abcdefg", texts=texts), SelectionInputs([scores], evaluation=evaluation))
    assert reasons_by_id(result) == {
        "a": "", "b": "where", "c": "duplicate", "d": "min_tokens", "e": "contaminated", "f": "where", "g": "over_budget",
    }  # fmt: skip
    assert result.cut.exclusions.because == {2: "a", 4: 't:1 "words that are leaked"'}
    assert result.ids == ["a"]
    counts = result.counts
    assert counts.left_out == {
        "where": 2, "min_tokens": 1, "contaminated": 1, "duplicate": 1, "over_budget": 1,
    }  # fmt: skip
    assert (counts.pool_rows, counts.ranked, counts.kept) == (7, 2, 1)


def test_a_median_is_that_of_the_rows_that_filters_leave():
    scores = table("abcdefg", ppl=[1, 2, 3, 4, 5, 100, 200])
    assert choose(plan_of("ppl-mid", "1"), pool_of("abcdefg"), SelectionInputs([scores])).ids == ["d"]
    assert choose(plan_of("ppl-mid", "1", where="ppl < 6"), pool_of("abcdefg"), SelectionInputs([scores])).ids == ["c"]


def test_the_best_of_a_group_stays_and_duplicates_are_replaced_by_the_next():
    texts = [Text("", "same")] * 3 + [Text("", "other"), Text("", "more")]
    scores = table("abcde", ppl=[3, 2, 1, 4, 5])
    result = choose(plan_of(budget="2", dedup=("exact",)), pool_of("abcde", texts=texts), SelectionInputs([scores]))
    assert result.ids == ["c", "d"]
    assert result.cut.exclusions.because == {0: "c", 1: "c"}
    # the place is that in the strategy's own order, the rank that among what is left
    assert result.ranked.place.tolist() == [3, 2, 1, 4, 5]


def test_semantic_duplicates_and_near_targets_need_only_vectors():
    """At 0, 5, 90 and 180 degrees; the target is at 0."""
    given_ = SelectionInputs([table("abcd", ppl=[2, 1, 3, 4])], circle("abcd", [0, 5, 90, 180]))
    result = choose(plan_of(budget="4", dedup=("semantic",)), pool_of("abcd"), given_)
    assert (result.ids, result.cut.exclusions.because) == (["b", "c", "d"], {0: "b"})
    result = choose(plan_of(budget="4", decontaminate_cosine=0.999), pool_of("abcd"), given_)
    assert result.ids == ["b", "c", "d"]
    assert result.cut.exclusions.because == {0: "t item 1 at cosine 1.000"}


def test_a_shortlist_is_ordered_by_the_next_strategy():
    """The four lowest perplexities are a b c d; of these the longest come first."""
    scores = table("abcdef", ppl=[1, 2, 3, 4, 5, 6], response_tokens=[5, 6, 7, 8, 90, nan])
    plan = plan_of("ppl-low", "2", [("4", "longest")])
    result = choose(plan, pool_of("abcdef"), SelectionInputs([scores]))
    assert result.ids == ["d", "c"]
    assert reasons_by_id(result) == {
        "a": "over_budget", "b": "over_budget", "c": "", "d": "", "e": "not_shortlisted", "f": "not_shortlisted",
    }  # fmt: skip
    assert result.ranked.stage.tolist() == [2, 2, 2, 2, 1, 1]
    assert result.ranked.place.tolist() == [4, 3, 2, 1, 5, 6]
    np.testing.assert_array_equal(result.ranked.score, [5, 6, 7, 8, 5, 6])
    assert result.ranked_by == ("ppl", "response_tokens")
    assert named(plan.stages) == "ppl-low then longest"


def test_a_longer_chain_and_per_cent_of_the_pool():
    scores = table("abcdefghij", ppl=range(10), response_tokens=range(10, 0, -1))
    plan = plan_of("ppl-high", "10%", [("80%", "longest"), ("30%", "ppl-high")])  # c..j, then c d e, then e
    result = choose(plan, pool_of("abcdefghij"), SelectionInputs([scores]))
    assert (result.ids, result.ranked.stage.max()) == (["e"], 3)
    assert result.counts.left_out == {"not_shortlisted": 7, "over_budget": 2}


def test_ifd_and_then_facility_location():
    """Of six rows the four of the highest IFD below 1 are a b c d, on a circle at 0, 10, 20 and 90 degrees.

    A row stands for itself with 1 and for others with the cosine: a 1 + cos 10 + cos 20 = 2.92 and nothing for d, b
    1 + 2 cos 10 + cos 80 = 3.14, c 1 + cos 10 + cos 20 + cos 70 = 3.27, d 1 + cos 80 + cos 70 = 1.52. So c, which leaves
    d 0.66 to add.
    """
    scores = table("abcdef", ifd=[0.9, 0.8, 0.7, 0.6, 0.5, 1.2])
    vectors = circle("abcdef", [0, 10, 20, 90, 91, 89])
    plan = plan_of("ifd-high", "2", [("4", "facility-location(neighbours=5)")])
    result = choose(plan, pool_of("abcdef"), SelectionInputs([scores], vectors))
    assert result.ids == ["c", "d"]
    np.testing.assert_allclose(result.scores, [3.2661, 0.658], atol=1e-3)
    assert reasons_by_id(result)["e"] == "not_shortlisted"
    assert reasons_by_id(result)["f"] == "dropped_by_rule"
    assert plan.stages[1].described == {
        "shortlist": "4", "strategy": "facility-location", "params": {"kernel": "cosine", "neighbours": 5},
    }  # fmt: skip


def test_a_shortlist_holds_no_duplicates():
    texts = [Text("", "same"), Text("", "same"), Text("", "c"), Text("", "d")]
    plan = plan_of("ppl-low", "2", [("2", "longest")], dedup=("exact",))
    scores = table("abcd", ppl=[1, 2, 3, 4], response_tokens=[1, 2, 3, 4])
    assert choose(plan, pool_of("abcd", texts=texts), SelectionInputs([scores])).ids == ["c", "a"]


def test_a_costly_strategy_stops_at_the_shortlist_and_at_the_budget():
    given_ = SelectionInputs([table("abcdef", response_tokens=range(6))], circle("abcdef", [0, 60, 120, 180, 240, 300]))
    result = choose(plan_of("k-center", "1", [("3", "longest")]), pool_of("abcdef"), given_)
    assert result.counts.left_out == {"not_shortlisted": 3, "over_budget": 2}
    result = choose(plan_of("longest", "1", [("3", "k-center")]), pool_of("abcdef"), given_)
    assert result.counts.left_out == {"not_shortlisted": 3, "not_reached": 2}
    result = choose(plan_of("longest", "1", [("3", "k-center")], ["even"]), pool_of("abcdef"), given_)
    assert result.counts.left_out == {"not_shortlisted": 3, "over_budget": 2}  # a quota looks at all places


@pytest.mark.parametrize(
    ("budget", "then", "expected"),
    [
        ("3", [("2", "longest")], "the budget of 3 rows is more than the shortlist before longest, 2 rows"),
        ("1", [("2", "longest"), ("3", "ppl-low")], "a shortlist of 3 rows is more than the shortlist before longest"),
        ("1", [("7", "longest")], "the budget asks for 7 examples, but the pool has 6 rows"),
    ],
)
def test_shortlists_only_shrink(budget, then, expected):
    with pytest.raises(DataselectError, match=expected):
        choose(plan_of("ppl-low", budget, then), pool_of("abcdef"), SelectionInputs([table("abcdef", ppl=range(6))]))


@pytest.mark.parametrize(
    ("then", "expected"),
    [
        (("50tok", "longest"), "a shortlist is a number or share of rows, got '50tok'"),
        (("none", "longest"), "expected a budget such as"),
        (("5", "longest("), "--then: expected a strategy such as"),
        (("5", "nothing"), "unknown strategy 'nothing'"),
    ],
)
def test_a_stage_that_cannot_be_is_refused(then, expected):
    with pytest.raises(UsageError, match=expected):
        plan_of(then=[then])


def test_a_quota_shares_the_budget_out_and_marks_the_rows_that_it_excludes():
    """By perplexity a b c d of x, then e f of y. Evenly: a, e, b, f; c and d would have been in without."""
    scores = table("abcdef", ppl=range(6), total_tokens=[10, 10, 10, 10, 30, 30])
    pool = pool_of("abcdef", "xxxxyy")
    result = choose(plan_of(budget="4", quota=["even"]), pool, SelectionInputs([scores]))
    assert result.ids == ["a", "e", "b", "f"]
    assert reasons_by_id(result) == {"a": "", "b": "", "c": "quota", "d": "quota", "e": "", "f": ""}
    assert result.cut.ran_out == ()
    # in tokens: x at 5, 15, 25, 35, y at 15 and 45; 60 tokens hold a, b and e, which is on the same spot as b
    result = choose(plan_of(budget="60tok", quota=["even"]), pool, SelectionInputs([scores]))
    assert (result.ids, result.cut.tokens) == (["a", "b", "e", "c"], 60)
    assert reasons_by_id(result)["d"] == "quota"  # a b c d are 40 tokens, and e 30 more
    result = choose(plan_of(budget="3", quota=["y=10%"]), pool, SelectionInputs([scores]))
    assert result.ids == ["a", "b", "c"]


def test_a_source_that_runs_out_is_named():
    result = choose(
        plan_of(budget="5", quota=["even"]),
        pool_of("abcdef", "xxxxxy"),
        SelectionInputs([table("abcdef", ppl=range(6))]),
    )
    assert (result.ids, result.cut.ran_out) == (["a", "f", "b", "c", "d"], ("y",))


def test_nothing_left_to_rank_says_what_left():
    with pytest.raises(DataselectError, match=r"none of the 3 pool rows can be ranked: 3 outside --where"):
        choose(plan_of(where="ppl > 5"), pool_of("abc"), SelectionInputs([table("abc", ppl=[1, 2, 3])]))


def test_a_score_table_stands_for_its_pool():
    scores = table("cab", ["ok", "ok", "too_long"], ["x", "y", "x"], ppl=[1, 2, 3])
    pool = index_table(scores)
    assert (list(pool.ids), list(pool.sources)) == (["a", "b", "c"], ["y", "x", "x"])
    result = choose(plan_of(budget="2", where='source == "x"'), pool, SelectionInputs([scores]))
    assert (result.ids, result.counts.left_out) == (["c"], {"too_long": 1, "where": 1})
    bare = index_table(table("ba", ppl=[1, 2]))
    assert list(bare.sources) == ["", ""]


def test_what_only_a_pool_can_tell_is_refused_without_one():
    scores = [table("ab", ppl=[1, 2])]
    for plan, expected in (
        (plan_of("longest"), "the strategy longest needs the column response_tokens"),
        (plan_of(where='source == "x"'), "--where needs the column source, and s has none"),
        (plan_of(quota=["even"]), "--quota needs the column source, and s has none"),
        (plan_of(max_tokens=5), "--max-tokens needs the column response_tokens"),
        (plan_of(where="ppl < ifd"), "--where needs the column ifd"),
    ):
        with pytest.raises(DataselectError, match=expected):
            check_tables(plan, scores, with_pool=False)
    check_tables(plan_of("longest", quota=["even"]), scores, with_pool=True)


def test_the_composition_counts_sources_and_measures_responses():
    scores = table("abcd", ppl=[1, 2, 3, 4], response_tokens=[10, 20, 30, nan])
    result = choose(plan_of(budget="2"), pool_of("abcd", "xyyx"), SelectionInputs([scores]))
    made = composition(result.ranked, result.cut.rows)
    assert made.sources == {"x": SourceRows(2, 1), "y": SourceRows(2, 1)}
    assert (made.length.unit, made.length.levels) == ("response_tokens", LEVELS)
    assert made.length.pool == pytest.approx((10, 12, 15, 20, 25, 28, 30))
    assert made.length.chosen == pytest.approx((10, 11, 12.5, 15, 17.5, 19, 20))
    result = choose(plan_of(budget="1"), pool_of("d"), SelectionInputs([table("d", ppl=[4], response_tokens=[nan])]))
    assert composition(result.ranked, result.cut.rows).length.pool is None


LETTERS = st.lists(st.sampled_from("ab"), min_size=1, max_size=3).map(" ".join)
ROWS = st.lists(
    st.tuples(
        st.one_of(st.just(nan), *[st.floats(0.1, 1.4)] * 4),
        st.integers(1, 9),
        st.sampled_from("xyz"),
        LETTERS,
        st.sampled_from(["ok", "ok", "ok", "too_long"]),
    ),
    min_size=3,
    max_size=25,
)
PLANS = st.fixed_dictionaries(
    {
        "strategy": st.sampled_from(["ppl-low", "ifd-high", "random", "longest"]),
        "then": st.sampled_from([(), (("60%", "longest"),), (("90%", "random"), ("50%", "zip"))]),
        "quota": st.sampled_from([(), ("even",), ("x=40%",)]),
        "where": st.sampled_from(["", "ppl < 1.2", 'source != "z"']),
        "min_tokens": st.sampled_from([None, 2]),
        "dedup": st.sampled_from([(), ("exact",), ("ngram",), ("exact", "ngram")]),
        "decontaminate": st.sampled_from([(), ("t",)]),
        "decontaminate_ngram": st.just(3),
        "seed": st.integers(0, 3),
    }
)
LEAK = EvaluationTexts((EvaluationItem("t:1", Text("a b a", "")),), 0, ())


def made_of(rows, options, budget):
    ids = [f"{i:02}" for i in range(len(rows))]
    values, sizes, sources, words, status = (list(column) for column in zip(*rows, strict=True))
    scores = table(ids, status, ppl=values, ifd=values, response_tokens=sizes, total_tokens=sizes)
    pool = pool_of(ids, sources, [Text(f"{text}", "") for text in words])
    options = {**options, "quota": () if "x" not in sources and options["quota"] == ("x=40%",) else options["quota"]}
    if set(sources) == {"x"} and options["quota"]:
        options["quota"] = ("even",)
    return choose(plan_of(budget=budget, **options), pool, SelectionInputs([scores], evaluation=LEAK)), pool, sizes


def attempt(rows, options, budget):
    """None where nothing can be ranked, or the budget is refused."""
    try:
        return made_of(rows, options, budget)
    except DataselectError:
        return None


@settings(max_examples=150, deadline=None)
@given(ROWS, PLANS, st.integers(1, 25), st.booleans())
def test_rows_in_minus_each_reason_are_rows_out(rows, options, amount, tokens):
    made = attempt(rows, options, f"{amount}tok" if tokens else f"{min(amount, len(rows))}")
    if made is None:
        return
    result, pool, sizes = made
    counts, exclusions = result.counts, list(result.cut.exclusions)
    assert counts.pool_rows == len(rows) == sum(counts.left_out.values()) + counts.kept
    assert all(exclusions.count(reason) == number for reason, number in counts.left_out.items())
    assert sorted(result.ids) == [id_ for id_, reason in zip(pool.ids, exclusions, strict=True) if reason == ""]
    kept_tokens = sum(sizes[int(id_)] for id_ in result.ids)
    assert kept_tokens == counts.kept_tokens
    assert kept_tokens <= amount if tokens else len(result.ids) <= amount
    assert set(result.cut.exclusions.because) == {
        row for row, reason in enumerate(exclusions) if reason in ("duplicate", "near_duplicate", "contaminated")
    }
    for row in result.cut.rows:  # no step is undone by a later one
        value, size, source, words, status = rows[row]
        assert status == "ok"
        assert options["min_tokens"] is None or size >= 2
        assert options["where"] != 'source != "z"' or source != "z"
        assert options["where"] != "ppl < 1.2" or value < 1.2
        assert not options["decontaminate"] or "a b a" not in words
    texts = [rows[row][3] for row in result.cut.rows]
    assert not options["dedup"] or len(set(texts)) == len(texts)


@settings(max_examples=100, deadline=None)
@given(ROWS, PLANS)
def test_a_larger_budget_only_appends_and_a_ranking_can_be_cut_again(rows, options):
    whole = None
    for budget in range(len(rows), 0, -1):
        made = attempt(rows, options, str(budget))
        if made is None:
            continue
        whole = whole or made[0].ids
        assert made[0].ids == whole[:budget]
        for smaller in range(1, budget + 1):
            assert list(cut(made[0].ranked, parse_budget(str(smaller))).rows) == list(made[0].cut.rows[:smaller])


@settings(max_examples=40, deadline=None)
@given(rows=ROWS, options=PLANS, amount=st.integers(1, 25), tokens=st.booleans())
def test_a_ranking_file_holds_all_that_a_budget_needs(rows, options, amount, tokens, tmp_path_factory):
    made = attempt(rows, options, f"{amount}tok" if tokens else f"{min(amount, len(rows))}")
    if made is None:
        return
    ranked, path = made[0].ranked, tmp_path_factory.getbasetemp() / "x.ranking.parquet"
    write_ranking(path, ranked, made[0].cut)
    read = read_ranking(path, ranked.complete, ranked.length_unit, ranked.quota)
    assert (read.ids, read.sources, list(read.exclusions)) == (ranked.ids, ranked.sources, list(ranked.exclusions))
    assert read.exclusions.because == ranked.exclusions.because
    for name in ("stage", "place", "score", "order", "tokens", "length"):
        np.testing.assert_array_equal(getattr(read, name), getattr(ranked, name), name)
        assert getattr(read, name).dtype == getattr(ranked, name).dtype
    budget = parse_budget(f"{amount}tok" if tokens else f"{min(amount, len(rows))}")
    again = cut(read, budget)
    assert again.rows.tolist() == made[0].cut.rows.tolist()
    assert list(again.exclusions) == list(made[0].cut.exclusions)
    assert (again.short, again.ran_out, again.tokens) == (made[0].cut.short, made[0].cut.ran_out, made[0].cut.tokens)


def test_a_ranking_that_stopped_early_is_not_cut_beyond():
    given_ = SelectionInputs([table("abcd", total_tokens=[10] * 4)], circle("abcd", [0, 90, 180, 270]))
    ranked = choose(plan_of("k-center", "2"), pool_of("abcd"), given_).ranked
    assert not ranked.complete
    for budget, rows in (("2", 2), ("1", 1), ("15tok", 1), ("25tok", 2)):
        assert len(cut(ranked, parse_budget(budget)).rows) == rows
    for budget in ("3", "30tok"):
        with pytest.raises(DataselectError, match="the ranking stopped at 2 rows, and the budget asks for 3"):
            cut(ranked, parse_budget(budget))


def test_tokens_without_a_count_cannot_cut():
    ranked = choose(plan_of("longest", "2"), pool_of("ab"), SelectionInputs([])).ranked
    with pytest.raises(DataselectError, match="the budget 5tok needs the column total_tokens"):
        cut(ranked, parse_budget("5tok"))
