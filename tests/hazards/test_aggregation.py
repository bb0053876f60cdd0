"""P10: a batch's mean stored as each row's value. P11: mean of exp or exp of mean, per row or per token."""

from __future__ import annotations

import math

import pytest

TEXTS = ["aaaaaaaaaa", "bb", "abab", "ba" * 8, "aab"]
LOGPROB = {"a": -1.0, "b": -3.0}  # of the model `two_letters`, after anything
RECORDS = [{"id": text, "text": text} for text in TEXTS]


def nll(text: str) -> float:
    return -sum(LOGPROB[letter] for letter in text)


def test_P10_each_row_has_its_own_value_whatever_shares_its_batch(two_letters, score_pool):
    rows = score_pool(two_letters, RECORDS, batch_tokens=4096).rows  # one batch
    for row in rows:
        assert row["response_nll"] == pytest.approx(nll(row["id"]), rel=1e-5)
        assert row["ppl"] == pytest.approx(math.exp(nll(row["id"]) / len(row["id"])), rel=1e-5)
    loss_of_the_batch = sum(map(nll, TEXTS)) / sum(map(len, TEXTS))
    assert all(abs(row["ppl"] - math.exp(loss_of_the_batch)) > 0.1 for row in rows)


def test_P10_a_batch_of_one_and_a_batch_of_all_give_the_same_rows(two_letters, score_pool, assert_same_rows):
    together, each = (score_pool(two_letters, RECORDS, batch_tokens=n).rows for n in (4096, 1))
    assert_same_rows(together, each, rel=1e-6)


def test_P11_a_rows_perplexity_is_exp_of_its_mean_and_not_the_mean_of_exps(two_letters, score_pool):
    row = score_pool(two_letters, [{"text": "ab"}]).rows[0]
    assert row["ppl"] == pytest.approx(math.exp((1 + 3) / 2), rel=1e-5)
    assert abs(row["ppl"] - (math.exp(1) + math.exp(3)) / 2) > 4


def test_P11_the_pool_has_both_means_and_each_by_its_own_name(two_letters, score_pool):
    pool = score_pool(two_letters, RECORDS).manifest["pool"]
    per_row = [nll(text) / len(text) for text in TEXTS]
    over_rows = math.exp(sum(per_row) / len(TEXTS))
    over_tokens = math.exp(sum(map(nll, TEXTS)) / sum(map(len, TEXTS)))
    mean_of_perplexities = sum(map(math.exp, per_row)) / len(TEXTS)
    assert pool["ppl"] == pytest.approx(over_rows, rel=1e-5)
    assert pool["ppl_token_weighted"] == pytest.approx(over_tokens, rel=1e-5)
    assert min(abs(over_rows - over_tokens), abs(mean_of_perplexities - over_rows)) > 0.5
    assert pool["bits_per_byte"] == pytest.approx(math.log(over_tokens) / math.log(2), rel=1e-5)  # a byte per token
