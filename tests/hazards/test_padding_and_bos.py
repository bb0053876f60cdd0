"""P1: padding in a score. P2: a sequence that begins with no BOS, two, or something else in its place.

Every wrong number that a peer would give is computed here beside the right one, so that the data tell them apart.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM

TEXTS = ["No.", "The train has left the station.", "It is noon, and nobody knows where the children went today. " * 2]
RECORDS = [{"id": str(i), "text": text} for i, text in enumerate(TEXTS)]
CHATML = (
    "{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
QUESTION = {"prompt": "Hi", "response": "Hello."}


def nll(logprobs: np.ndarray) -> float:
    return -float(np.nansum(logprobs))


def test_P01_padding_is_never_scored(make_model, load_tokenizer, score_pool, truth):
    model = make_model(add_bos=True)
    tokens = [load_tokenizer(model)(text)["input_ids"] for text in TEXTS]
    width = max(map(len, tokens))
    rows = score_pool(model, RECORDS, batch_tokens=4 * width).rows  # all three in one batch
    for row, ids in zip(rows, tokens, strict=True):
        right = nll(truth(model, ids))
        assert row["response_nll"] == pytest.approx(right, abs=1e-3)
        assert row["response_tokens"] == len(ids) - 1
        if len(ids) < width:
            padded = ids + [load_tokenizer(model).pad_token_id] * (width - len(ids))
            assert abs(nll(truth(model, padded)) - right) > 1  # what counting the padding would add


def test_P01_a_padding_side_of_left_shifts_no_position(make_model, load_tokenizer, score_pool, truth):
    model = make_model(add_bos=True, kind="gpt2", padding_side="left")  # learned positions: a shift changes everything
    tokenizer = load_tokenizer(model)
    rows = score_pool(model, RECORDS, batch_tokens=1024).rows
    padded = tokenizer(TEXTS, padding=True, return_tensors="pt")
    with torch.inference_mode():
        logits = AutoModelForCausalLM.from_pretrained(model)(**padded).logits[:, :-1].log_softmax(-1)
    each = logits.gather(2, padded["input_ids"][:, 1:, None])[..., 0]
    for row, record, masked in zip(rows, RECORDS, each, strict=True):
        ids = tokenizer(record["text"])["input_ids"]
        right = nll(truth(model, ids))
        assert row["response_nll"] == pytest.approx(right, abs=1e-3)
        if len(ids) < padded["input_ids"].shape[1]:
            assert abs(nll(masked[-(len(ids) - 1) :].numpy()) - right) > 0.1  # masked, but at the padded positions


def test_P02_a_bos_that_template_and_tokenizer_both_write_is_there_once(make_model, load_tokenizer, score_pool, truth):
    model = make_model(add_bos=True, chat_template="{{ bos_token }}" + CHATML)
    text = "<s><|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nHello.<|im_end|>\n"
    once = load_tokenizer(model)(text, add_special_tokens=False)["input_ids"]
    twice = load_tokenizer(model)(text)["input_ids"]
    assert twice == [once[0], *once]
    last = slice(-2 - len("Hello."), -2)  # a token per byte, then <|im_end|> and a line break
    row = score_pool(model, [QUESTION]).rows[0]
    assert row["total_tokens"] == len(once)
    assert row["response_nll"] == pytest.approx(nll(truth(model, once)[last]), abs=1e-3)
    assert abs(nll(truth(model, twice)[last]) - nll(truth(model, once)[last])) > 0.1


def test_P02_a_bos_that_the_tokenizer_adds_is_there(make_model, load_tokenizer, score_pool, truth):
    model = make_model(add_bos=True)
    bare = load_tokenizer(model)("It is noon.", add_special_tokens=False)["input_ids"]
    row = score_pool(model, [{"text": "It is noon."}]).rows[0]
    assert row["response_tokens"] == len(bare) == 11  # the first byte too, since BOS stands before it
    right = nll(truth(model, [load_tokenizer(model).bos_token_id, *bare]))
    assert row["response_nll"] == pytest.approx(right, abs=1e-3)
    assert abs(nll(truth(model, bare)) - right) > 0.1


def test_P02_without_bos_nothing_stands_in_for_it(make_model, load_tokenizer, score_pool, truth):
    model = make_model()
    ids = load_tokenizer(model)("It is noon.")["input_ids"]
    row = score_pool(model, [{"text": "It is noon."}]).rows[0]
    assert (row["total_tokens"], row["response_tokens"]) == (11, 10)  # nothing stands before the first byte
    assert row["response_nll"] == pytest.approx(nll(truth(model, ids)), abs=1e-3)
    after_eos = truth(model, [load_tokenizer(model).eos_token_id, *ids])
    assert abs(nll(after_eos) - nll(truth(model, ids))) > 0.1


def test_P02_a_bos_that_is_defined_but_not_added_costs_no_token(make_model, load_tokenizer, score_pool, truth):
    """GPT-2 and Pythia define a BOS and never write it; a length minus one for it loses the first response token."""
    model = make_model(bos=True)
    tokenizer = load_tokenizer(model)
    assert tokenizer.bos_token_id is not None
    ids = tokenizer("###Question: Hi\n###Answer: Hello.<eos>")["input_ids"]
    assert ids[0] != tokenizer.bos_token_id
    row = score_pool(model, [{"question": "Hi", "answer": "Hello."}], rendering=qa()).rows[0]
    each = truth(model, ids)
    assert row["response_tokens"] == len("Hello.")
    assert row["response_nll"] == pytest.approx(nll(each[-7:-1]), abs=1e-3)
    assert abs(nll(each[-6:-1]) - nll(each[-7:-1])) > 0.1  # len(tokenizer(response)) - 1 tokens from the end


def qa():
    from dataselect.pool import RenderOptions

    return RenderOptions(template="qa")
