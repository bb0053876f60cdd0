"""Adapters read directly, beside PEFT's own merge of the same adapter; kinds that are something else are refused."""

from __future__ import annotations

import json

import pytest
import torch
from safetensors.torch import load_file, save_file

from dataselect.errors import DataselectError
from dataselect.layers.checkpoints import Adapter, Checkpoint
from dataselect.layers.compare import compare_run
from dataselect.layers.pairs import pair_up

peft = pytest.importorskip("peft")


def tiny(kind):
    """A tiny model: Llama has (out, in) matrices, GPT-2 (in, out)."""
    from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    if kind == "gpt2":
        return GPT2LMHeadModel(GPT2Config(vocab_size=30, n_positions=16, n_embd=12, n_layer=2, n_head=2))
    sizes = dict(vocab_size=30, hidden_size=12, intermediate_size=20, num_hidden_layers=2, num_attention_heads=2)
    return LlamaForCausalLM(LlamaConfig(**sizes, max_position_embeddings=16, tie_word_embeddings=kind == "tied"))


CASES = {
    "plain": ("llama", dict(r=4, lora_alpha=6, target_modules="all-linear")),
    "rank-stabilised": ("llama", dict(r=4, lora_alpha=6, use_rslora=True, target_modules=["q_proj", "down_proj"])),
    "patterns": ("llama", dict(
        r=4, lora_alpha=6, target_modules=["q_proj", "v_proj", "up_proj"], rank_pattern={"q_proj": 2},
        alpha_pattern={"up_proj": 20, r"layers\.1\.self_attn\.v_proj": 3},
    )),
    "in by out": ("gpt2", dict(r=4, lora_alpha=6, fan_in_fan_out=True, target_modules=["c_attn", "c_fc", "c_proj"])),
    "embedding": ("llama", dict(r=4, lora_alpha=6, target_modules=["embed_tokens", "q_proj"])),
    "whole module": ("llama", dict(r=4, lora_alpha=6, target_modules=["q_proj"], modules_to_save=["lm_head"])),
    "bias": ("gpt2", dict(r=4, lora_alpha=6, fan_in_fan_out=True, target_modules=["c_attn"], bias="lora_only")),
}  # fmt: skip


def save_both(case, folder):
    """A base, an adapter with random factors, and PEFT's own merge of both."""
    kind, settings = CASES[case]
    tiny(kind).save_pretrained(folder / "base")
    model = peft.get_peft_model(tiny(kind), peft.LoraConfig(task_type="CAUSAL_LM", **settings))
    draw = torch.Generator().manual_seed(5)
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.data += 0.1 * torch.randn(parameter.shape, generator=draw)
    model.save_pretrained(folder / "adapter", save_embedding_layers=False)
    model.merge_and_unload().save_pretrained(folder / "merged")
    return Checkpoint(folder / "base"), folder / "adapter", folder / "merged"


@pytest.mark.parametrize("case", CASES)
def test_read_directly_as_merged_by_peft(case, tmp_path):
    base, adapter, merged = save_both(case, tmp_path)
    direct, truth = compare_run(base, "direct", adapter, True), compare_run(base, "merged", merged, True)
    assert direct.not_compared == truth.not_compared == ()
    assert [one.name for one in direct.tensors] == [one.name for one in truth.tensors]
    changed = 0
    for one, other in zip(direct.tensors, truth.tensors, strict=True):
        if other.sums.change < 1e-12:
            assert one.sums.change == 0, one.name
            continue
        changed += 1
        assert one.sums.change == pytest.approx(other.sums.change, rel=1e-5), one.name
        assert one.sums.cross == pytest.approx(other.sums.cross, rel=1e-4, abs=1e-4), one.name
        if one.spectrum is not None:
            rank = min(len(one.spectrum.largest), len(other.spectrum.largest))
            assert one.spectrum.largest[:rank] == pytest.approx(other.spectrum.largest[:rank], rel=1e-4), one.name
    assert changed >= 3


def test_a_tied_output_embedding_that_is_adapted_is_compared(tmp_path):
    tiny("tied").save_pretrained(tmp_path / "base")
    adapter = write_adapter(tmp_path / "adapter", {"lm_head": (torch.ones(2, 12), torch.ones(30, 2))})
    found = pair_up(Checkpoint(tmp_path / "base"), adapter)
    assert [pair.name for pair in found.pairs if pair.tuned is not None] == ["lm_head.weight"]


def write_adapter(folder, factors, **config):
    folder.mkdir(parents=True)
    settings = {"peft_type": "LORA", "r": 2, "lora_alpha": 4, **config}
    (folder / "adapter_config.json").write_text(json.dumps(settings), encoding="utf-8")
    tensors = {}
    for module, (a, b) in factors.items():
        tensors |= {f"base_model.model.{module}.lora_A.weight": a, f"base_model.model.{module}.lora_B.weight": b}
    save_file(tensors, folder / "adapter_model.safetensors")
    return folder


FACTORS = {"model.layers.0.self_attn.q_proj": (torch.ones(2, 8), torch.ones(8, 2))}


def test_scales_by_hand(tmp_path):
    # alpha / r = 4 / 2; every entry of B A is 2, so each of the change is 4
    plain = Adapter(write_adapter(tmp_path / "plain", FACTORS)).change("model.layers.0.self_attn.q_proj", (8, 8))
    assert (plain.left @ plain.right == 4.0).all()
    stable = Adapter(write_adapter(tmp_path / "stable", FACTORS, use_rslora=True, lora_alpha=3))
    found = stable.change("model.layers.0.self_attn.q_proj", (8, 8))
    assert (found.left @ found.right).max() == pytest.approx(2 * 3 / 2**0.5)


@pytest.mark.parametrize(("config", "told"), [
    ({"use_dora": True}, "use_dora"), ({"peft_type": "IA3"}, "IA3"), ({"layer_replication": [[0, 2]]}, "layer_replication"),
    ({"init_lora_weights": "pissa_niter_4"}, "pissa_niter_4"), ({"lora_bias": True}, "lora_bias"),
    ({"target_parameters": ["mlp.experts"]}, "target_parameters"), ({"lora_alpha": None}, "lora_alpha"),
    ({"alpha_pattern": {"(": 1}}, "alpha_pattern"),
])  # fmt: skip
def test_what_is_more_than_two_factors_is_refused(tmp_path, config, told):
    with pytest.raises(DataselectError, match=told):
        Adapter(write_adapter(tmp_path / "adapter", FACTORS, **config))


def test_dora_vectors_half_a_pair_and_pickles_are_refused(tmp_path):
    folder = write_adapter(tmp_path / "dora", FACTORS)
    weights = load_file(folder / "adapter_model.safetensors")
    save_file(
        {**weights, "base_model.model.x.lora_magnitude_vector": torch.ones(3)}, folder / "adapter_model.safetensors"
    )
    with pytest.raises(DataselectError, match="lora_magnitude_vector"):
        Adapter(folder)
    save_file(dict(list(weights.items())[:1]), folder / "adapter_model.safetensors")
    with pytest.raises(DataselectError, match="half of the factors"):
        Adapter(folder)
    (folder / "adapter_model.safetensors").rename(folder / "adapter_model.bin")
    with pytest.raises(DataselectError, match="pickled"):
        Adapter(folder)


def test_factors_that_do_not_fit_the_base_are_told(tmp_path, write_model, weights):
    base = Checkpoint(write_model(tmp_path / "base", weights))
    wrong = {
        **FACTORS,
        "model.layers.1.self_attn.q_proj": (torch.ones(2, 9), torch.ones(8, 2)),
        "other": (torch.ones(2, 8), torch.ones(8, 2)),
    }
    found = pair_up(base, write_adapter(tmp_path / "adapter", wrong))
    assert {one.name: one.reason for one in found.not_compared} == {
        "model.layers.1.self_attn.q_proj.weight": "the adapter's factors do not fit its shape 8 x 8",
        "other.weight": "not in the base",
    }
