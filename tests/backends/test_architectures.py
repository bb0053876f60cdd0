"""Packs against each model's own forward pass, one sequence at a time, over the architectures that people score with.

Tiny random models, made on the spot. Their weights are ten times as wide as an initialisation's, so that attention is
far from uniform and a token that sees what it should not moves the numbers.
"""

from __future__ import annotations

import numpy as np
import pytest

from dataselect.backends import BackendOptions, TokenSequence, load_backend
from dataselect.errors import DataselectError

VOCABULARY = 96
SIZES = {
    "vocab_size": VOCABULARY, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2,
    "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 8, "max_position_embeddings": 128,
    "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2,
}  # fmt: skip
LONGROPE = {
    "rope_type": "longrope", "rope_theta": 10000.0, "short_factor": [1.0] * 4, "long_factor": [4.0] * 4,
    "original_max_position_embeddings": 20,
}  # fmt: skip

PACKED = {
    "llama": {},
    "llama-tied": {"tie_word_embeddings": True},
    "llama-biased": {"attention_bias": True, "mlp_bias": True},
    "mistral": {"sliding_window": 7},
    "qwen2": {"use_sliding_window": True, "sliding_window": 7, "max_window_layers": 1},
    "qwen3": {},
    "gemma2": {"sliding_window": 7, "attn_logit_softcapping": 0.7, "final_logit_softcapping": 0.9},
    "gemma3_text": {"sliding_window": 7, "layer_types": ["sliding_attention", "full_attention"]},
    "gpt_oss": {"sliding_window": 7, "num_local_experts": 4, "num_experts_per_tok": 2},
    "mixtral": {"num_local_experts": 4, "sliding_window": None},
    "phi3": {},
    "olmo2": {},
    "cohere2": {"sliding_window": 7, "logit_scale": 0.5},
    "granite": {"logits_scaling": 3.0, "residual_multiplier": 0.5},
    "gpt_neox": {"rotary_pct": 0.5},
    "gpt2": {"n_positions": 128},
    "opt": {"ffn_dim": 48, "word_embed_proj_dim": 32},
    "starcoder2": {"sliding_window": 7},
    "deepseek_v3": {
        "head_dim": 4, "num_key_value_heads": 4, "q_lora_rank": 16, "kv_lora_rank": 16, "qk_rope_head_dim": 4, "qk_nope_head_dim": 8, "v_head_dim": 8,
        "n_routed_experts": 4, "num_experts_per_tok": 2, "n_group": 1, "topk_group": 1, "first_k_dense_replace": 1,
        "moe_intermediate_size": 16,
    },
}  # fmt: skip
ALONE = {"bloom": {}, "mamba": {"state_size": 4}, "gptj": {"rotary_dim": 4}}


def made(kind: str, changes: dict, folder):
    """A tiny random model in a folder, and itself with its plainest attention."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    config = AutoConfig.for_model(kind.split("-")[0], **{**SIZES, **changes})
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(config, attn_implementation="eager").eval()
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if weight.dim() > 1 or name.endswith("sinks"):
                weight.mul_(10)
    model.save_pretrained(folder)
    return model


def truth(model, sequence: TokenSequence) -> np.ndarray:
    import torch

    ids = torch.tensor(sequence.ids.tolist())
    with torch.inference_mode():
        logits = model(input_ids=ids[None], use_cache=False).logits[0, :-1].double()
    return logits.log_softmax(1).gather(1, ids[1:, None])[:, 0].numpy()


def sequences(longest: int = 60) -> list[TokenSequence]:
    rng = np.random.default_rng(1)
    lengths = [2, 3, 5, 8, 13, 19, 20, 21, 34, longest]
    return [TokenSequence(rng.integers(3, VOCABULARY, n).astype(np.int32)) for n in lengths]


@pytest.mark.parametrize("kind", [*PACKED, *ALONE])
def test_packs_give_what_the_model_itself_gives_to_each_sequence_alone(kind, tmp_path):
    model = made(kind, PACKED.get(kind, ALONE.get(kind)), tmp_path)
    backend = load_backend("transformers", tmp_path, BackendOptions("float32"))
    assert backend._decoder.packs == (kind in PACKED)
    asked = sequences()
    for sequence, scores in zip(asked, backend.score(asked, batch_tokens=70), strict=True):
        np.testing.assert_allclose(scores.logprobs[1:], truth(model, sequence), atol=2e-5)


@pytest.mark.parametrize("kind", ["llama", "gemma2", "gpt2", "mamba"])
def test_bfloat16_packs_give_what_bfloat16_gives_to_each_sequence_alone(kind, tmp_path):
    import torch

    model = made(kind, {**PACKED, **ALONE}[kind], tmp_path).bfloat16()
    backend = load_backend("transformers", tmp_path, BackendOptions("bfloat16"))
    assert backend._decoder.packs == (kind in PACKED)
    assert torch.bfloat16 == backend._decoder.model.dtype
    asked = sequences()
    differences = [
        abs(float(np.mean(scores.logprobs[1:])) - truth(model, sequence).mean())
        for sequence, scores in zip(asked, backend.score(asked, batch_tokens=70), strict=True)
    ]
    assert np.median(differences) < 2e-2


def test_longrope_keeps_short_and_long_sequences_apart(tmp_path):
    # over 20 tokens all frequencies change, also those of the short sequences beside
    model = made("phi3", {"rope_parameters": LONGROPE, "original_max_position_embeddings": 20}, tmp_path)
    backend = load_backend("transformers", tmp_path, BackendOptions("float32"))
    assert backend._decoder.apart == 20
    asked = sequences()
    for sequence, scores in zip(asked, backend.score(asked), strict=True):
        np.testing.assert_allclose(scores.logprobs[1:], truth(model, sequence), atol=2e-5)


def test_logits_made_in_an_unknown_way_are_the_models_own(tmp_path):
    # the same setting that Granite divides by, and that this model multiplies with
    import torch

    model = made("hyperclovax", {"logits_scaling": 3.0}, tmp_path)
    backend = load_backend("transformers", tmp_path, BackendOptions("float32"))
    assert backend._decoder.alone == "its vocabulary head is of a kind of its own"
    asked = sequences()
    for sequence, scores in zip(asked, backend.score(asked, batch_tokens=70), strict=True):
        np.testing.assert_allclose(scores.logprobs[1:], truth(model, sequence), atol=2e-5)
        ids = sequence.ids.tolist()
        with torch.inference_mode():
            logits = model(input_ids=torch.tensor(ids)[None], use_cache=False).logits[0, :-1]
        own = logits.gather(1, torch.tensor(ids[1:])[:, None])
        assert scores.ranks[1:].tolist() == (logits >= own).sum(1).tolist()


def test_a_model_that_needs_more_than_text_is_refused_in_one_line(tmp_path):
    # without a default language it does not know which of its adapters to use
    made("xmod", {}, tmp_path)
    with pytest.raises(DataselectError, match=r"cannot be run on text alone: .*Input language unknown"):
        load_backend("transformers", tmp_path, BackendOptions("float32"))


def test_an_encoder_is_refused(tmp_path):
    # it loads as a causal language model, and its logits of a token come from the token itself
    made("bert", {}, tmp_path)
    with pytest.raises(DataselectError, match="see those that follow"):
        load_backend("transformers", tmp_path, BackendOptions("float32"))


@pytest.mark.parametrize("kind", [*PACKED, *ALONE])
def test_padded_batches_write_what_the_model_itself_finds_most_likely_after_each_prompt_alone(kind, tmp_path):
    import torch

    model = made(kind, {**PACKED, **ALONE}[kind], tmp_path)
    backend = load_backend("transformers", tmp_path, BackendOptions("float32"))
    prompts = [sequence.ids for sequence in sequences(40)]
    for prompt, answer in zip(prompts, backend.generate(prompts, 6, ()), strict=True):
        ids = torch.tensor([[*prompt.tolist(), *answer.ids.tolist()]])
        with torch.inference_mode():
            logits = model(input_ids=ids, use_cache=False).logits[0, len(prompt) - 1 : -1].float()
        chosen = logits.gather(1, ids[0, len(prompt) :, None])[:, 0]
        assert len(answer.ids) == 6
        np.testing.assert_allclose(chosen.numpy(), logits.amax(1).numpy(), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("kind", ["t5", "vit", "llava"])
def test_a_type_without_a_causal_language_model_is_refused_by_its_name(kind, tmp_path):
    from safetensors.torch import save_file
    from transformers import AutoConfig

    AutoConfig.for_model(kind).save_pretrained(tmp_path)
    save_file({}, tmp_path / "model.safetensors")
    with pytest.raises(DataselectError, match=f"is of the type {kind}, of which transformers has no causal"):
        load_backend("transformers", tmp_path, BackendOptions("float32"))
