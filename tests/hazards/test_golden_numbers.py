"""Numbers that other projects publish in their own tests: G5 of inspect_ai, G6 of lm-evaluation-harness.

G5: ten tokens with a log-probability of -10 in all and two tokens with -6 have exp(16/12) per token and exp(2) per
sequence. G6: rolling windows, as literal lists (v1 to v6 and empty stand in tests/pool/test_sequences.py) and as the
installed harness makes them.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataselect.likelihood import ingredients, macro_perplexity, micro_perplexity
from dataselect.pool import rolling_windows
from dataselect.records import RESPONSE

PER_TOKEN, PER_SEQUENCE = math.exp(16 / 12), math.exp(2)
BEGIN = -100


def test_G05_from_token_log_probabilities():
    rows = [np.full(10, -1.0, np.float32), np.full(2, -3.0, np.float32)]
    sums = [ingredients(row, np.full(len(row), RESPONSE, np.int8)) for row in rows]
    nlls, tokens = np.array([s.response_nll for s in sums]), np.array([s.response_tokens for s in sums])
    assert (nlls.tolist(), tokens.tolist()) == ([10.0, 6.0], [10, 2])
    assert micro_perplexity(nlls, tokens) == pytest.approx(PER_TOKEN)
    assert macro_perplexity(nlls, tokens) == pytest.approx(PER_SEQUENCE)


def test_G05_from_a_pool_and_a_model_that_has_exactly_these_log_probabilities(two_letters, score_pool):
    scored = score_pool(two_letters, [{"text": "a" * 10}, {"text": "bb"}])
    assert [row["response_tokens"] for row in scored.rows] == [10, 2]
    assert [row["response_nll"] for row in scored.rows] == pytest.approx([10, 6], rel=1e-5)
    assert scored.manifest["pool"]["ppl_token_weighted"] == pytest.approx(PER_TOKEN, rel=1e-5)
    assert scored.manifest["pool"]["ppl"] == pytest.approx(PER_SEQUENCE, rel=1e-5)


def theirs(length: int, max_seq_len: int, context: int) -> list[tuple[list[int], list[int]]]:
    """The harness's windows as (context, continuation) without overlap."""
    from lm_eval.utils import get_rolling_token_windows, make_disjoint_window

    windows = get_rolling_token_windows(list(range(length)), BEGIN, max_seq_len, context)
    return [make_disjoint_window(window) for window in windows]


def ours(length: int, max_seq_len: int, context: int) -> list[tuple[list[int], list[int]]]:
    """Ours over the same prefix token and text; the harness counts a window's inputs, which are one token fewer."""
    tokens = [BEGIN, *range(length)]
    windows = rolling_windows(len(tokens), max_seq_len + 1, context)
    return [(tokens[w.begin : w.first_scored], tokens[w.first_scored : w.end]) for w in windows]


GOLDEN = [(34, 10, 1), (34, 10, 8), (34, 10, 10), (30, 10, 10), (30, 10, 1), (9, 2, 1), (0, 2, 1)]


@pytest.mark.parametrize("case", GOLDEN, ids=["v1", "v2", "v3", "v4", "v5", "v6", "empty"])
def test_G06_the_published_cases_as_the_installed_harness_makes_them(case):
    pytest.importorskip("lm_eval")
    assert ours(*case) == theirs(*case)


def test_G06_disjoint_windows_of_a_published_case():
    """v6 by hand: nine tokens, two inputs at a time, one token of context."""
    assert ours(9, 2, 1) == [([-100], [0, 1]), ([1], [2, 3]), ([3], [4, 5]), ([5], [6, 7]), ([6, 7], [8])]


@settings(deadline=None)
@given(st.integers(0, 400), st.integers(1, 50), st.data())
def test_G06_any_windows_are_those_of_the_installed_harness(length, max_seq_len, data):
    pytest.importorskip("lm_eval")
    context = data.draw(st.integers(1, max_seq_len))
    assert ours(length, max_seq_len, context) == theirs(length, max_seq_len, context)


def test_G06_a_long_text_is_scored_by_these_windows(make_model, load_tokenizer, score_pool, truth):
    """Through the whole run: the NLL of 150 tokens in a model of 64 positions is the sum over the harness's windows."""
    pytest.importorskip("lm_eval")
    model = make_model(add_bos=True, positions=64)
    text = "It is noon. " * 12 + "No one."
    ids = load_tokenizer(model)(text, add_special_tokens=False)["input_ids"]
    bos = load_tokenizer(model).bos_token_id
    total = 0.0
    for context, continuation in theirs(len(ids), 62, 1):
        tokens = [bos if t == BEGIN else ids[t] for t in context + continuation]
        total -= truth(model, tokens)[len(context) :].sum()
    row = score_pool(model, [{"text": text}]).rows[0]
    assert (row["response_tokens"], row["windows"]) == (len(ids), 3)
    assert row["response_nll"] == pytest.approx(total, abs=2e-3)
