"""Aggregates of a pool, worked by hand on constructed score tables."""

from __future__ import annotations

import math

import numpy as np
import pytest

from dataselect.pool_ranking.measures import Measure, model_measures, similarity_measures

NAN = float("nan")


def table(rows):
    """Rows of (status, response_tokens, response_bytes, response_nll)."""
    status, tokens, num_bytes, nll = zip(*rows, strict=True)
    return {
        "status": np.array(status, dtype=object), "response_tokens": np.array(tokens),
        "response_bytes": np.array(num_bytes), "response_nll": np.array(nll, dtype=float),
    }  # fmt: skip


TWO = table([("ok", 2, 10, 2.0), ("ok", 8, 30, 24.0), ("empty_response", 0, 0, NAN), ("too_long", 0, 0, NAN)])


def test_perplexity_counts_examples_or_tokens_and_leaves_out_what_was_not_scored():
    measures = model_measures(TWO, 3, 0, "pool").measures
    assert measures["ppl"].value == pytest.approx(math.exp((2 / 2 + 24 / 8) / 2))  # exp(2)
    assert measures["ppl_token_weighted"].value == pytest.approx(math.exp((2 + 24) / (2 + 8)))  # exp(2.6)
    assert measures["bits_per_byte"].value == pytest.approx((2 + 24) / math.log(2) / (10 + 30))


def test_rank_surprisal_is_the_ratio_of_sums_and_beside_it_the_mean_of_ratios():
    sums = np.array([6.0, 12.0, NAN, NAN])
    measures = model_measures(TWO | {"response_rank_sum": sums}, 0, 0, "pool").measures
    assert measures["rsr"].value == pytest.approx((6 + 12) / (2 + 24))  # 0.69
    assert measures["rsr_mean"].value == pytest.approx((6 / 2 + 12 / 24) / 2)  # 1.75
    ends = measures["rsr"].document
    assert (ends["ci_low"], ends["ci_high"]) == pytest.approx((12 / 24, 6 / 2))  # both draws the one or the other
    assert ends["n"] == 2


def test_scores_of_an_older_version_have_no_ranks_and_so_no_ratio():
    assert model_measures(TWO, 0, 0, "pool").measures["rsr"].value is None


def test_a_row_of_no_surprisal_has_no_ratio():
    one = table([("ok", 2, 4, 0.0), ("ok", 2, 4, 6.0)]) | {"response_rank_sum": np.array([2.0, 9.0])}
    assert model_measures(one, 0, 0, "pool").measures["rsr"].document["n"] == 1


def test_rows_are_counted_by_status_and_rejects_beside_them():
    found = model_measures(TWO, 3, 0, "pool")
    assert {k: v for k, v in found.statuses.items() if v} == {"ok": 2, "empty_response": 1, "too_long": 1}
    assert (found.scored, found.rejects) == (2, 3)


def test_truncated_rows_count_as_scored():
    found = model_measures(table([("ok", 2, 4, 2.0), ("truncated", 2, 4, 6.0)]), 0, 0, "pool")
    assert found.scored == 2
    assert found.measures["ppl"].value == pytest.approx(math.exp(2.0))  # (1 + 3) / 2


def test_lengths_are_quantiles_of_scored_rows_only():
    found = model_measures(table([*(("ok", t, t, 1.0) for t in range(1, 102)), ("too_long", 0, 0, NAN)]), 0, 0, "p")
    assert found.lengths.mean == 51.0  # 1 ... 101
    assert found.lengths.quantiles == {"0.05": 6.0, "0.25": 26.0, "0.5": 51.0, "0.75": 76.0, "0.95": 96.0}


def test_the_ends_of_a_perplexity_are_exp_of_those_of_its_mean():
    found = model_measures(TWO, 0, 0, "pool").measures["ppl"]
    plain = found.document
    assert plain["ci_low"] == pytest.approx(math.exp(1.0))  # both draws the first example
    assert plain["ci_high"] == pytest.approx(math.exp(3.0))
    assert plain["n"] == 2


def test_nothing_scored_has_no_numbers_instead_of_zeros():
    found = model_measures(table([("too_long", 0, 0, NAN)]), 0, 0, "pool")
    assert found.measures["ppl"].document == {"value": None, "ci_low": None, "ci_high": None, "n": 0}
    assert found.lengths.mean is None
    assert found.lengths.quantiles["0.5"] is None


def test_similarities_are_means_over_rows_and_a_centroid_may_be_absent():
    found = similarity_measures(np.array([0.2, 0.6]), None, 0, "pool")
    assert found["similarity"].value == pytest.approx(0.4)
    assert found["centroid_similarity"] == Measure("centroid_similarity", None)
