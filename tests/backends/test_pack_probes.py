"""What a model is asked before its sequences share packs: each fault that attention can have keeps it out of them.

A tiny Gemma 3 with a real window: 512 tokens, one in 700 of which is what a fault of one token moves.
"""

from __future__ import annotations

import weakref

import numpy as np
import pytest

from dataselect.backends import BackendOptions, TokenSequence, attention, load_backend
from dataselect.backends import decoder as decoding
from dataselect.backends.attention import fused
from dataselect.backends.decoder import load_decoder
from dataselect.backends.packing import Pack, pack

DTYPES = ["float32", "bfloat16"]
WINDOW = 512


@pytest.fixture(scope="module")
def windowed(tmp_path_factory):
    """One layer of four sees 512 tokens, another one all."""
    return made("gemma3_text", tmp_path_factory.mktemp("windowed"), {
        "num_key_value_heads": 1, "sliding_window": WINDOW, "query_pre_attn_scalar": 8,
        "layer_types": ["sliding_attention", "full_attention"] * 2,
    })  # fmt: skip


@pytest.fixture(scope="module")
def positioned(tmp_path_factory):
    """Positions are vectors of their own, so that it matters which one a token has."""
    return made("gpt2", tmp_path_factory.mktemp("positioned"), {"n_positions": 64})


def made(kind, folder, changes):
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    sizes = {
        "vocab_size": 96, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 4, "num_attention_heads": 4,
        "head_dim": 8, "max_position_embeddings": 1024, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2,
    }  # fmt: skip
    torch.manual_seed(0)
    AutoModelForCausalLM.from_config(AutoConfig.for_model(kind, **sizes | changes)).save_pretrained(folder)
    return folder


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_sound_model_takes_packs_in_every_dtype(windowed, positioned, dtype):
    assert load_decoder(windowed, dtype, "cpu").alone is None
    assert load_decoder(positioned, dtype, "cpu").alone is None


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("step", [-1, 1])
def test_a_window_that_is_off_by_one_token_of_512_is_found(windowed, dtype, step, monkeypatch):
    def broken(query, key, value, scale, window):
        return fused(query, key, value, scale, window and window + step)

    monkeypatch.setattr(attention, "fused", broken)
    assert "attention over packs differs" in load_decoder(windowed, dtype, "cpu").alone


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_token_that_sees_the_last_one_of_the_sequence_before_is_found(windowed, dtype, monkeypatch):
    import torch
    from transformers import AttentionInterface

    def broken(module, query, key, value, mask, *, bounds, scaling, **others):

        out, _ = attention.packed_attention(module, query, key, value, mask, bounds=bounds, scaling=scaling, **others)
        for begin, end in bounds.places[1:]:
            keys, values = key[:, :, begin - 1 : end], value[:, :, begin - 1 : end]
            first = torch.nn.functional.scaled_dot_product_attention(
                query[:, :, begin : begin + 1], keys[:, :, :2], values[:, :, :2], scale=scaling, enable_gqa=True
            )
            out[:, begin] = first[:, :, 0]
        return out, None

    monkeypatch.setattr(decoding, "register", lambda: None)
    monkeypatch.setitem(AttentionInterface._global_mapping, attention.NAME, broken)
    assert "attention over packs differs" in load_decoder(windowed, dtype, "cpu").alone


@pytest.mark.parametrize("dtype", DTYPES)
def test_positions_that_go_on_from_one_sequence_to_the_next_are_found(positioned, dtype, monkeypatch):
    def broken(sequences):
        one = pack(sequences)
        return Pack(one.ids, np.arange(len(one.ids)), one.bounds, one.scored)

    monkeypatch.setattr(decoding, "pack", broken)
    assert "its logits would differ" in load_decoder(positioned, dtype, "cpu").alone


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_neighbour_that_is_seen_outside_of_attention_is_found(windowed, dtype, monkeypatch):
    # as a convolution or a shift of tokens would: attention itself is right
    hidden = decoding.Decoder.hidden

    def broken(self, one):
        found = hidden(self, one)
        return found + 0.3 * found.roll(1, 0) if self.packs and len(one.bounds) > 2 else found

    monkeypatch.setattr(decoding.Decoder, "hidden", broken)
    assert "its logits would differ" in load_decoder(windowed, dtype, "cpu").alone


def test_a_window_farther_than_is_looked_at_must_be_handed_over(windowed, monkeypatch):
    monkeypatch.setattr("dataselect.backends.pack_probes.REACH", 100)
    assert load_decoder(windowed, "float32", "cpu").alone is None
    monkeypatch.setattr("dataselect.backends.pack_probes._lengths", lambda config: {512, 700})
    assert "changes after 700 tokens" in load_decoder(windowed, "float32", "cpu").alone


@pytest.fixture
def loads(monkeypatch):
    """How many models still exist at each load."""
    load, seen, alive = decoding._load, [], []

    def watched(*asked):
        alive.append(sum(one() is not None for one in seen))
        model = load(*asked)
        seen.append(weakref.ref(model))
        return model

    monkeypatch.setattr(decoding, "_load", watched)
    return alive


def test_a_model_that_is_not_marked_is_loaded_once(positioned, loads, monkeypatch):
    from transformers import GPT2PreTrainedModel

    monkeypatch.setattr(GPT2PreTrainedModel, "_supports_attention_backend", False)
    assert "does not let its attention be exchanged" in load_decoder(positioned, "float32", "cpu").alone
    assert loads == [0]


@pytest.mark.parametrize("raises", [True, False])
def test_a_model_that_fails_is_gone_before_it_is_loaded_again(windowed, loads, raises, monkeypatch):
    hidden = decoding.Decoder.hidden

    def broken(self, one):
        if self.packs and raises:
            raise RuntimeError("no packs here")
        return hidden(self, one) * (float("nan") if self.packs else 1.0)

    monkeypatch.setattr(decoding.Decoder, "hidden", broken)
    assert load_decoder(windowed, "float32", "cpu").alone
    assert loads == [0, 0]


def test_memory_that_runs_out_is_not_taken_for_a_model_without_packs(windowed, monkeypatch):
    hidden = decoding.Decoder.hidden

    def full(self, one):
        if self.packs:
            raise RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return hidden(self, one)

    monkeypatch.setattr(decoding.Decoder, "hidden", full)
    with pytest.raises(RuntimeError, match="out of memory"):
        load_decoder(windowed, "float32", "cpu")


@pytest.mark.real_model
@pytest.mark.parametrize("dtype", DTYPES)
def test_gemma_3_takes_packs_and_gives_in_them_what_it_gives_alone(gemma3, dtype):
    # compared with eager attention, Gemma 3 in bfloat16 is 6 % away from itself, and once ran without packs for that
    backend = load_backend("transformers", gemma3, BackendOptions(dtype))
    assert backend.alone is None
    rng = np.random.default_rng(0)
    asked = [TokenSequence(np.concatenate(([2], rng.integers(3, 262_144, n))).astype(np.int32)) for n in (3, 9, 20, 40)]
    together, each = backend.score(asked), [backend.score([one])[0] for one in asked]
    for packed, alone in zip(together, each, strict=True):
        tolerance = 1e-4 if dtype == "float32" else 0.5  # nats of a token; one bfloat16 of a logit of 20 is 0.125
        np.testing.assert_allclose(packed.logprobs[1:], alone.logprobs[1:], atol=tolerance)
