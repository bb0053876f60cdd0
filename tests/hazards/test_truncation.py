"""P9: a cut that changes what is scored without saying so. P23: a prompt of exactly as many tokens as the model takes."""

from __future__ import annotations

import numpy as np
import pytest

from dataselect.backends import TokenSequence
from dataselect.pool import RenderOptions

QA = RenderOptions(template="qa")
CUT = RenderOptions(template="qa", truncate=True)
POSITIONS = 64  # 63 tokens fit, since an engine has to generate one
PROMPT = "###Question: Now?\n###Answer: "  # a token per byte: 29
LONG = {"question": "Now?", "answer": "It is noon, and nobody knows where the children went today."}


@pytest.fixture(scope="module")
def model(make_model):
    return make_model(positions=POSITIONS)


def nll(logprobs: np.ndarray) -> float:
    return -float(logprobs.sum())


def test_P09_a_row_over_the_limit_is_told_and_has_no_number(model, make_model, load_tokenizer, score_pool, truth):
    rows = score_pool(model, [LONG, {"question": "Now?", "answer": "Yes."}], rendering=QA).rows
    assert [row["status"] for row in rows] == ["too_long", "ok"]
    assert rows[0]["total_tokens"] == len(PROMPT) + len(LONG["answer"]) + 1 > POSITIONS
    assert {value for name, value in rows[0].items() if name.endswith(("nll", "ppl", "byte"))} == {None}
    # What a cut would have passed off as this row's number: from the left, the prompt is gone ...
    ids = load_tokenizer(model)(PROMPT + LONG["answer"])["input_ids"]
    n = len(LONG["answer"])
    whole = nll(truth(make_model(positions=256), ids)[-n:])  # the same weights, with room for all of it
    assert abs(nll(truth(model, ids[-63:])[-n:]) - whole) > 0.1
    # ... and from the right, the end of the response, with a mean over what is left.
    assert abs(nll(truth(model, ids[:63])[len(PROMPT) :]) / (63 - len(PROMPT)) - whole / n) > 0.01


def test_P09_with_truncate_the_row_says_so_and_counts_only_what_was_scored(model, load_tokenizer, score_pool, truth):
    scored = score_pool(model, [LONG], rendering=CUT)
    row = scored.rows[0]
    ids = load_tokenizer(model)(PROMPT + LONG["answer"])["input_ids"][:63]
    left = 63 - len(PROMPT)
    assert (row["status"], row["total_tokens"], row["prompt_tokens"]) == ("truncated", 63, len(PROMPT) - 1)
    assert (row["response_tokens"], row["response_bytes"], row["end_tokens"]) == (left, left, 0)
    assert (row["response_nll"], row["end_nll"]) == (pytest.approx(nll(truth(model, ids)[-left:]), abs=1e-3), None)
    assert scored.manifest["counts"]["truncated"] == 1
    assert scored.manifest["rendering"]["truncate"] is True


def test_P09_a_prompt_that_leaves_no_room_for_the_response_is_never_cut(model, score_pool):
    records = [{"question": "Now? " * 12, "answer": "Yes."}, {"question": "Now?", "answer": "Yes."}]
    rows = score_pool(model, records, rendering=CUT).rows
    assert [row["status"] for row in rows] == ["too_long", "ok"]
    assert rows[0]["response_nll"] is None


def test_P09_of_a_long_text_every_token_is_scored_once(model, load_tokenizer, score_pool, truth):
    text = LONG["answer"] * 3
    ids = load_tokenizer(model)(text)["input_ids"]
    row = score_pool(model, [{"text": text}], rendering=QA).rows[0]
    assert (row["status"], row["response_tokens"], row["windows"]) == ("ok", len(ids) - 1, 3)
    assert row["response_bytes"] == len(text) - 1
    # Windows of 63: 62 tokens behind the first, 62 behind token 62, the last moved back to be full.
    each = [truth(model, ids[:63])[1:], truth(model, ids[62:125])[1:], truth(model, ids[-63:])[-(len(ids) - 125) :]]
    assert row["response_nll"] == pytest.approx(sum(map(nll, each)), abs=1e-3)
    cut = nll(each[0])
    assert row["response_nll"] > 2 * cut  # what a cut at the limit would have kept


def filled(tokens: int) -> dict[str, str]:
    """A row of exactly so many tokens, its EOS included."""
    return {"question": "Now?", "answer": "y" * (tokens - len(PROMPT) - 1)}


def test_P23_a_row_that_fills_the_model_but_for_one_token_is_scored_whole(model, load_tokenizer, score_pool, truth):
    rows = score_pool(model, [filled(63), filled(64)], rendering=QA).rows
    assert [(row["status"], row["total_tokens"]) for row in rows] == [("ok", 63), ("too_long", 64)]
    ids = load_tokenizer(model)(PROMPT + filled(63)["answer"] + "<eos>")["input_ids"]
    assert rows[0]["response_nll"] == pytest.approx(nll(truth(model, ids)[len(PROMPT) : -1]), abs=1e-3)
    assert rows[0]["end_nll"] == pytest.approx(nll(truth(model, ids)[-1:]), abs=1e-3)


@pytest.mark.vllm
def test_P23_vllm_takes_the_longest_row_that_the_renderer_lets_through(vllm_backend, transformers_backend, builtin):
    from dataselect.pool import Renderer

    longest = Renderer(builtin).max_length
    assert vllm_backend.max_length == transformers_backend.max_length == longest == 1023
    ids = np.random.default_rng(0).integers(4, 8192, longest + 1).astype(np.int32)
    ours = vllm_backend.score([TokenSequence(ids[:longest])])[0].logprobs
    reference = transformers_backend.score([TokenSequence(ids[:longest])])[0].logprobs
    np.testing.assert_allclose(ours[1:], reference[1:], atol=1e-4)
    with pytest.raises(Exception, match="1024"):  # the pitfall is there: as many tokens as positions are refused
        vllm_backend.score([TokenSequence(ids)])
    again = vllm_backend.score([TokenSequence(ids[:longest])])[0].logprobs  # and the engine has survived it
    np.testing.assert_array_equal(again, ours)
