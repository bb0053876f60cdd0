"""Bits per byte do not change with the tokenizer of a model of bytes; perplexity per token does."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from dataselect.pool import RenderOptions

LEADS = "tĠÃâ"  # t, a space, and the first bytes of é and of ’, as byte-level tokenizers write them


def byte_probabilities() -> np.ndarray:
    return np.random.default_rng(0).dirichlet(np.full(256, 0.5)) * 0.999 + 0.001 / 256


@pytest.fixture(scope="module")
def byte_models(make_model, without_context):
    """Two tokenizers, and for each a model under which every text has the probability of its bytes, drawn one by one.

    The first has a token per byte b, with probability p(b). The second joins certain bytes, the leads, with whatever
    byte follows: its tokens are the 252 other bytes and all pairs (lead, b). No token is the beginning of another and
    any bytes can be cut into them in just one way, as long as no lead comes last, so they are a complete prefix code,
    and p(lead) p(b) for pairs and p(b) for the rest sum to 1 - p(leads) + p(leads) = 1. No constant is left over: the
    product over the tokens of a text is the product over its bytes in both. Special tokens have e^-60 each.
    """
    from tokenizers import AddedToken, Regex, Tokenizer, models, pre_tokenizers

    letters = letters_of_bytes()
    log_p = dict(zip(letters, np.log(byte_probabilities()), strict=True))
    special = ["<eos>", "<|im_start|>", "<|im_end|>", "<s>"]
    singles = [letter for letter in letters if letter not in LEADS]
    pairs = [lead + letter for lead in LEADS for letter in letters]
    folders = []
    for names, pattern in ((letters, "."), (singles + pairs, f"[{LEADS}].|.")):
        engine = Tokenizer(models.WordLevel({name: i for i, name in enumerate(special + names)}, unk_token="<eos>"))
        engine.pre_tokenizer = pre_tokenizers.Sequence(
            [
                pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
                pre_tokenizers.Split(Regex(pattern), "isolated"),
            ]
        )
        engine.add_special_tokens([AddedToken(name, special=True, normalized=False) for name in special])
        logprobs = np.array([-60.0] * 4 + [sum(log_p[letter] for letter in name) for name in names])
        assert np.exp(logprobs).sum() == pytest.approx(1, abs=1e-9)
        folders.append(make_model(add_bos=True, engine=engine, edit=without_context(logprobs), positions=4096))
    return folders


def letters_of_bytes() -> list[str]:
    """The letter that stands for each byte, 0 to 255, in byte-level tokenizers."""
    plain = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = iter(range(0x100, 0x200))
    return [chr(byte if byte in plain else next(others)) for byte in range(256)]


BYTES = st.text(st.sampled_from("the tot é’ß你x\n1"), max_size=30).map(lambda text: text + ".")


@settings(
    max_examples=6, deadline=None, phases=[Phase.reuse, Phase.generate], suppress_health_check=[HealthCheck.too_slow]
)
@given(texts=st.lists(BYTES, min_size=1, max_size=8), pairs=st.lists(st.tuples(BYTES, BYTES), max_size=4))
def test_bits_per_byte_do_not_change_with_the_tokenizer_of_a_model_of_bytes(byte_models, score_pool, texts, pairs):
    records = [{"text": f"to {text}"} for text in texts]
    records += [{"question": asked, "answer": f"the {said}"} for asked, said in pairs]
    single, joined = (score_pool(model, records, rendering=RenderOptions("alpaca")).rows for model in byte_models)
    log_p = np.log(byte_probabilities())
    for record, one, other in zip(records, single, joined, strict=True):
        response = (record.get("text") or record["answer"]).encode()
        expected = -float(sum(log_p[byte] for byte in response))
        for row in (one, other):
            assert (row["status"], row["seam_tokens"], row["response_bytes"]) == ("ok", 0, len(response))
            assert row["response_nll"] == pytest.approx(expected, rel=1e-5)
            assert row["bits_per_byte"] == pytest.approx(expected / math.log(2) / len(response), rel=1e-5)
        assert one["response_tokens"] == len(response) > other["response_tokens"]
        assert other["ppl"] > one["ppl"] * 1.05  # perplexity per token is that of another unit
