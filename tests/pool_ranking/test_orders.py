"""Orders, pairs that the data do not distinguish, and agreement of several models, on constructed pools."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kendalltau

from dataselect.pool_ranking.measures import PoolMeasures, model_measures
from dataselect.pool_ranking.orders import kendall, order_pools, pair_verdicts
from dataselect.pool_ranking.printed import lines
from dataselect.pool_ranking.result import ReadLimit, build_ranking


def pool(name, tokens=10, **means):
    """A pool of 200 rows of some tokens under models whose mean loss is as given, with a spread of 0.5 nats."""
    spread = np.linspace(-0.5, 0.5, 200)
    models = {}
    for model, mean in means.items():
        columns = {
            "status": np.array(["ok"] * 200, dtype=object), "response_tokens": np.full(200, tokens),
            "response_bytes": np.full(200, 40), "response_nll": tokens * (mean + spread),
        }  # fmt: skip
        models[model] = model_measures(columns, 0, 0, f"{name} {model}")
    return PoolMeasures(name, 200, 0, None, (), models, {})


def unscored(name, model):
    columns = {
        "status": np.array(["too_long"], dtype=object), "response_tokens": np.zeros(1),
        "response_bytes": np.zeros(1), "response_nll": np.full(1, np.nan),
    }  # fmt: skip
    return PoolMeasures(name, 1, 0, None, (), {model: model_measures(columns, 0, 0, name)}, {})


def test_the_lowest_comes_first_and_only_clear_differences_are_told_apart():
    found = order_pools([pool("c", m=3.0), pool("b", m=2.01), pool("a", m=2.0)], "ppl", "m", "lower")
    assert found.pools == ("a", "b", "c")
    # spread 0.5 / sqrt(3) = 0.29 a row, so a mean of 200 has an error of 0.02 and a difference one of 0.029
    assert [(p.first, p.second, p.distinguishable) for p in found.pairs] == [
        ("a", "b", False), ("a", "c", True), ("b", "c", True),
    ]  # fmt: skip
    assert found.pairs[1].difference == pytest.approx(-1.0)
    assert found.pairs[1].ci_low == pytest.approx(-1.0 - 1.96 * 0.029, abs=0.015)


def test_the_highest_comes_first_where_higher_is_closer():
    found = order_pools([pool("a", m=2.0), pool("b", m=3.0)], "ppl", "m", "higher")
    assert found.pools == ("b", "a")
    assert found.pairs[0].difference == pytest.approx(1.0)


def test_identical_pools_are_not_distinguishable_and_stand_by_name():
    found = order_pools([pool("twin", m=2.0), pool("other", m=2.0)], "ppl", "m", "lower")
    assert found.pools == ("other", "twin")
    assert found.pairs[0].difference == 0.0
    assert not found.pairs[0].distinguishable


def test_a_pool_without_a_number_has_no_place():
    found = order_pools([unscored("u", "m"), pool("a", m=2.0)], "ppl", "m", "lower")
    assert found.pools == ("a",)
    assert found.without == ("u",)
    assert found.pairs == ()


def test_pairs_are_general_model_specific_or_undecided():
    pools = [pool("a", m=1.0, n=1.0), pool("b", m=2.0, n=4.0), pool("c", m=3.0, n=3.0), pool("d", m=3.005, n=8.0)]
    orders = [order_pools(pools, "ppl", model, "lower") for model in ("m", "n")]
    found = {one.pools: (one.verdict, one.alike) for one in pair_verdicts(orders, ["a", "b", "c", "d"])}
    assert found[("a", "b")] == ("general", True)
    assert found[("b", "c")] == ("model-specific", False)  # m: b first, n: c first, both clear
    assert found[("c", "d")] == ("undecided", True)  # m cannot distinguish them


def test_kendall_by_hand():
    # x-y: (1,1) (2,3) (3,2): pairs +, +, -: (2 - 1) / 3
    assert kendall("x", "y", {"a": (1.0, 1.0), "b": (2.0, 3.0), "c": (3.0, 2.0)}).tau == pytest.approx(1 / 3)
    assert kendall("x", "y", {"a": (1.0, 1.0)}).tau is None
    assert kendall("x", "y", {"a": (1.0, 1.0), "b": (1.0, 2.0)}).tau is None
    assert kendall("x", "y", {"a": (1.0, 1.0), "b": (2.0, 2.0), "c": (None, 9.0)}).pools == 2


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=2, max_size=12))
def test_kendall_is_that_of_scipy(pairs):
    found = kendall("x", "y", {str(i): (float(a), float(b)) for i, (a, b) in enumerate(pairs)}).tau
    expected = kendalltau(*zip(*pairs, strict=True)).statistic
    assert (found is None and np.isnan(expected)) or found == pytest.approx(expected)


def test_a_conclusion_compares_every_two_models():
    pools = [pool("a", m=1.0, n=3.0), pool("b", m=2.0, n=2.0), pool("c", m=3.0, n=1.0)]
    found = build_ranking(pools, ("m", "n"), None, 0, ReadLimit(), {})
    assert [(one.by, one.model, one.pools) for one in found.orders if one.by == "ppl"] == [
        ("ppl", "m", ("a", "b", "c")), ("ppl", "n", ("c", "b", "a")),
    ]  # fmt: skip
    assert [(tau.first, tau.second, tau.tau) for tau in found.taus] == [("ppl of m", "ppl of n", -1.0)]
    assert {one.verdict for one in found.verdicts} == {"model-specific"}
    assert build_ranking(pools, ("m",), None, 0, ReadLimit(), {}).verdicts == ()


def test_a_model_under_a_second_name_is_no_second_opinion():
    pools = [pool("a", m=1.0, n=1.0), pool("b", m=2.0, n=2.0)]
    found = build_ranking(pools, ("m", "n"), None, 0, ReadLimit(), {"n": "m"})
    assert found.taus == found.verdicts == ()
    assert found.document["same_models"] == {"n": "m"}
    assert {one.model for one in found.orders} == {"m", "n"}


def test_an_order_by_perplexity_that_is_the_order_of_the_lengths_is_said_to_be():
    pools = [pool("a", 30, m=1.0), pool("b", 20, m=2.0), pool("c", 25, m=3.0)]
    found = build_ranking(pools, ("m",), None, 0, ReadLimit(), {})
    # longest first: a, c, b. Pairs ab +, ac +, bc -: (2 - 1) / 3
    assert [(tau.first, tau.second, tau.pools) for tau in found.length_taus] == [("ppl of m", "response tokens", 3)]
    assert found.length_taus[0].tau == pytest.approx(1 / 3)
    assert found.document["length_agreement"][0]["tau"] == pytest.approx(1 / 3)
    text = " ".join(" ".join(lines(found)).split())
    assert "by mean response length, longest first: Kendall tau 0.33 over 3 pools" in text
    same = build_ranking([pool("a", m=1.0), pool("b", m=2.0), pool("c", m=3.0)], ("m",), None, 0, ReadLimit(), {})
    assert same.length_taus[0].tau is None  # all of one length: nothing is said
    assert "mean response length" not in " ".join(lines(same))
