"""The arithmetic of likelihood, worked by hand."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataselect import likelihood
from dataselect.records import END, PROMPT, RESPONSE, UNSCORED

# BOS, two prompt tokens, three response tokens, one end token.
PARTS = np.array([UNSCORED, PROMPT, PROMPT, RESPONSE, RESPONSE, RESPONSE, END], np.int8)
LOGPROBS = np.array([np.nan, -1.0, -2.0, -0.5, -1.5, -4.0, -0.25], np.float32)
RANKS = np.array([0, 2, 9, 1, 3, 17, 1], np.int32)


def test_sums_by_part():
    sums = likelihood.ingredients(LOGPROBS, PARTS, RANKS)
    assert (sums.prompt_tokens, sums.response_tokens, sums.end_tokens) == (2, 3, 1)
    assert sums.prompt_nll == 1.0 + 2.0
    assert sums.response_nll == 0.5 + 1.5 + 4.0
    assert sums.end_nll == 0.25


def test_perplexity_of_response_and_sequence():
    sums = likelihood.ingredients(LOGPROBS, PARTS, RANKS)
    assert sums.ppl == pytest.approx(math.exp(6.0 / 3))
    assert sums.sequence_ppl == pytest.approx(math.exp((3.0 + 6.0 + 0.25) / 6))


def test_shifted_and_marginal_share_of_the_response_only():
    sums = likelihood.ingredients(LOGPROBS, PARTS, RANKS)
    assert sums.shifted_fraction == pytest.approx(1 / 3)  # rank 17
    assert sums.marginal_fraction == pytest.approx(1 / 3)  # rank 3


def test_min_k_takes_the_least_likely_fifth_and_at_least_one():
    assert likelihood.min_k(np.array([-1, -2, -9], np.float32)) == -9.0
    ten = -np.arange(1, 11, dtype=np.float32)
    assert likelihood.min_k(ten) == (-9 - 10) / 2
    assert likelihood.min_k(np.zeros(0, np.float32)) is None


def test_bits_per_byte():
    # 8 bits in all over 4 bytes
    assert likelihood.bits_per_byte(8 * math.log(2), 4) == pytest.approx(2.0)


def test_ifd_is_a_ratio_of_perplexities_and_ifd_loss_of_losses():
    # 2 tokens: 1.0 nats with the prompt, 3.0 nats alone: exp(0.5) / exp(1.5) = exp(-1), and 0.5 / 1.5
    assert likelihood.ifd(1.0, 3.0, 2) == pytest.approx(math.exp(-1))
    assert likelihood.ifd_loss(1.0, 3.0) == pytest.approx(1 / 3)


def test_ifd_is_one_when_the_prompt_changes_nothing():
    assert likelihood.ifd(7.5, 7.5, 4) == 1.0
    assert likelihood.ifd_loss(7.5, 7.5) == 1.0


def test_the_two_ifds_order_differently():
    # a: 0.1 -> 0.5 mean loss, b: 2.0 -> 3.0; by loss a is lower (0.2 < 0.67), by perplexity b is (exp(-0.4) > exp(-1))
    assert likelihood.ifd_loss(0.1, 0.5) < likelihood.ifd_loss(2.0, 3.0)
    assert likelihood.ifd(0.1, 0.5, 1) > likelihood.ifd(2.0, 3.0, 1)


def test_nothing_scored_is_none_and_never_zero():
    sums = likelihood.ingredients(np.array([np.nan], np.float32), np.array([UNSCORED], np.int8), None)
    assert (sums.prompt_nll, sums.response_nll, sums.end_nll) == (None, None, None)
    assert (sums.ppl, sums.sequence_ppl, sums.mink_20, sums.shifted_fraction) == (None, None, None, None)
    assert likelihood.perplexity(None, 3) is None
    assert likelihood.bits_per_byte(1.0, 0) is None
    assert likelihood.ifd(None, 1.0, 1) is None
    assert likelihood.ifd_loss(1.0, 0.0) is None


@pytest.mark.parametrize("bad", [np.nan, -np.inf, np.inf])
def test_a_score_that_is_no_number_is_never_summed(bad):
    logprobs = LOGPROBS.copy()
    logprobs[4] = bad
    with pytest.raises(FloatingPointError):
        likelihood.ingredients(logprobs, PARTS, RANKS)


def test_macro_and_micro_perplexity_differ_on_unequal_lengths():
    # G5 of inspect_ai: (10 tokens, 10 nats) and (2 tokens, 6 nats)
    nlls, tokens = np.array([10.0, 6.0]), np.array([10, 2])
    assert likelihood.macro_perplexity(nlls, tokens) == pytest.approx(math.exp((1.0 + 3.0) / 2))
    assert likelihood.micro_perplexity(nlls, tokens) == pytest.approx(math.exp(16 / 12))


def test_pool_perplexity_leaves_unscored_rows_out():
    nlls, tokens = np.array([10.0, np.nan, 6.0]), np.array([10, 0, 2])
    assert likelihood.macro_perplexity(nlls, tokens) == pytest.approx(math.exp(2.0))
    assert likelihood.macro_perplexity(np.array([np.nan]), np.array([0])) is None


@given(st.integers(2, 100_000), st.integers(1, 50))
def test_uniform_guessing_has_the_vocabulary_size_as_perplexity(vocabulary, tokens):
    parts = np.full(tokens, RESPONSE, np.int8)
    logprobs = np.full(tokens, -math.log(vocabulary), np.float32)
    assert likelihood.ingredients(logprobs, parts).ppl == pytest.approx(vocabulary, rel=1e-5)


@given(st.lists(st.floats(-20, 0, width=32), min_size=2, max_size=60), st.data())
def test_nll_adds_up_over_any_split(values, data):
    cut = data.draw(st.integers(1, len(values) - 1))
    logprobs = np.array(values, np.float32)
    whole = likelihood.nll(logprobs)
    assert whole == pytest.approx(likelihood.nll(logprobs[:cut]) + likelihood.nll(logprobs[cut:]), abs=1e-9)


def test_rsr_is_clipped_ranks_over_surprisals_of_the_response():
    # response ranks 1, 3, 17 over 0.5 + 1.5 + 4.0 nats
    assert likelihood.ingredients(LOGPROBS, PARTS, RANKS).rsr == (1 + 3 + 17) / 6.0
    clipped = likelihood.ingredients(LOGPROBS, PARTS, RANKS, rank_clip=10)
    assert (clipped.response_rank_sum, clipped.rsr) == (1 + 3 + 10, 14 / 6.0)


def test_rsr_does_not_exist_without_ranks_response_or_surprisal():
    assert likelihood.ingredients(LOGPROBS, PARTS).rsr is None
    assert likelihood.rank_surprisal_ratio(3, 0.0) is None
    nothing = likelihood.ingredients(LOGPROBS[:3], PARTS[:3], RANKS[:3])
    assert (nothing.response_rank_sum, nothing.rsr) == (None, None)


def test_ranks_past_the_int32_range_add_up():
    many = np.full(100_000, 2**31 - 1, np.int32)
    sums = likelihood.ingredients(
        np.full(100_000, -1.0, np.float32), np.full(100_000, RESPONSE, np.int8), many, rank_clip=2**31 - 1
    )
    assert sums.response_rank_sum == 100_000 * (2**31 - 1)


def test_first_tokens_of_steps_are_summed_apart():
    sums = likelihood.ingredients(LOGPROBS, PARTS, RANKS, np.array([3, 5]))
    assert (sums.step_tokens, sums.step_nll) == (2, 0.5 + 4.0)
    assert sums.response_nll == 6.0
