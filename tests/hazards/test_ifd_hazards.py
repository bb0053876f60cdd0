"""P6: the two perplexities of IFD over different tokens."""

from __future__ import annotations

import math

import numpy as np
import pytest

CHATML = (
    "{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
ASKED, HEADER, ANSWER, CLOSE = (
    "<|im_start|>user\nNow?<|im_end|>\n",
    "<|im_start|>assistant\n",
    "It is noon.",
    "<|im_end|>\n",
)
N = len(ANSWER)  # one token per byte


def nll(logprobs: np.ndarray) -> float:
    return -float(logprobs.sum())


@pytest.fixture(scope="module")
def model(make_model):
    return make_model(add_bos=True, chat_template=CHATML)


@pytest.fixture(scope="module")
def ids(model, load_tokenizer):
    """`ids(text)`: BOS and the tokens of the text."""
    return lambda text: load_tokenizer(model)(text)["input_ids"]


def test_P06_numerator_and_denominator_are_over_the_same_tokens(model, ids, score_pool, truth):
    row = score_pool(model, [{"prompt": "Now?", "response": ANSWER}], ifd=True).rows[0]
    with_prompt = truth(model, ids(ASKED + HEADER + ANSWER))[-N:]
    without = truth(model, ids(HEADER + ANSWER))[-N:]
    assert row["response_nll"] == pytest.approx(nll(with_prompt), abs=1e-3)
    assert row["response_alone_nll"] == pytest.approx(nll(without), abs=1e-3)
    assert row["ifd"] == pytest.approx(math.exp((nll(with_prompt) - nll(without)) / N), rel=1e-4)
    assert row["ifd_loss"] == pytest.approx(nll(with_prompt) / nll(without), rel=1e-4)

    # The response tokenised alone has no log-probability for its first token: n - 1 against n.
    bare = truth(model, ids(ANSWER)[1:])[1:]
    assert len(bare) == N - 1
    assert abs(math.exp(nll(with_prompt) / N - nll(bare) / (N - 1)) - row["ifd"]) > 0.01
    # With BOS only, the first token is asked for where a text begins, not where an answer does.
    headless = truth(model, ids(ANSWER))[-N:]
    assert abs(math.exp((nll(with_prompt) - nll(headless)) / N) - row["ifd"]) > 0.01


def test_P06_the_end_of_turn_is_on_neither_side(model, ids, score_pool, truth):
    row = score_pool(model, [{"prompt": "Now?", "response": ANSWER}], ifd=True).rows[0]
    with_prompt = nll(truth(model, ids(ASKED + HEADER + ANSWER + CLOSE))[-N - 2 : -1])
    without = nll(truth(model, ids(HEADER + ANSWER + CLOSE))[-N - 2 : -1])
    assert abs(math.exp((with_prompt - without) / (N + 1)) - row["ifd"]) > 0.01


def test_P06_of_a_dialogue_both_sides_are_the_final_turn(model, ids, score_pool, truth):
    messages = [("user", "Hi"), ("assistant", "Hello there."), ("user", "Now?"), ("assistant", ANSWER)]
    row = score_pool(model, [{"messages": [{"role": r, "content": c} for r, c in messages]}], ifd=True).rows[0]
    before = "<|im_start|>user\nHi<|im_end|>\n" + HEADER + "Hello there." + CLOSE
    final = nll(truth(model, ids(before + ASKED + HEADER + ANSWER))[-N:])
    without = nll(truth(model, ids(HEADER + ANSWER))[-N:])
    assert row["ifd"] == pytest.approx(math.exp((final - without) / N), rel=1e-4)
    assert row["ifd_loss"] == pytest.approx(final / without, rel=1e-4)
    assert row["response_tokens"] == N + len("Hello there.")
    all_turns = row["response_nll"] / row["response_tokens"]  # both answers above, the last one below
    assert abs(math.exp(all_turns - without / N) - row["ifd"]) > 0.01


def test_P06_a_token_across_the_seam_is_the_same_token_on_both_sides(make_model, load_tokenizer, score_pool, truth):
    """`: it` tokenises as `:` and ` it`; the response alone, as `i` and `t`: other tokens, and more of them."""
    from dataselect.pool import RenderOptions

    model = make_model(merges=[("Ġ", "i"), ("Ġi", "t")])
    tokenizer = load_tokenizer(model)
    whole = tokenizer("###Question: Now?\n###Answer: it is.")["input_ids"]
    answer = tokenizer(" it is.")["input_ids"]
    assert whole[-4:] == answer  # ` it`, ` i`, `s`, `.`
    assert len(tokenizer("it is.")["input_ids"]) == 5
    record = {"question": "Now?", "answer": "it is."}
    row = score_pool(model, [record], ifd=True, rendering=RenderOptions(template="qa")).rows[0]
    assert (row["response_tokens"], row["seam_tokens"]) == (4, 1)
    given, without = (
        nll(truth(model, whole)[-4:]),
        nll(truth(model, tokenizer("###Answer:")["input_ids"] + answer)[-4:]),
    )
    assert row["ifd"] == pytest.approx(math.exp((given - without) / 4), rel=1e-4)
    retokenised = nll(truth(model, tokenizer("###Answer: ")["input_ids"] + tokenizer("it is.")["input_ids"])[-5:])
    assert abs(math.exp(given / 4 - retokenised / 5) - row["ifd"]) > 0.01
