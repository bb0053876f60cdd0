"""Adapters reach the experts of mixtures and keep off what kernels read, and what they leave is told by name."""

import json

import numpy as np
import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM

from dataselect.errors import DataselectError, UsageError
from dataselect.training.adapters import untouched, with_adapters
from dataselect.training.config import TrainConfig

SIZES = {
    "vocab_size": 50, "hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2, "num_attention_heads": 2,
    "num_key_value_heads": 2, "max_position_embeddings": 32, "head_dim": 8,
}  # fmt: skip
LORA = TrainConfig(lora=True, lora_r=2, lora_alpha=4)
GPT_OSS = {"num_local_experts": 3, "num_experts_per_tok": 1}
FALCON = {"vocab_size": 50, "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
MAMBA = {
    "layers_block_type": ["mamba", "attention"],
    "mamba_num_heads": 4,
    "mamba_head_dim": 8,
    "ssm_state_size": 4,
    "n_groups": 1,
    "chunk_size": 8,
}


def tiny(kind, **settings):
    torch.manual_seed(0)
    return AutoModelForCausalLM.from_config(AutoConfig.for_model(kind, **{**SIZES, **settings}))


def stepped(model):
    """The model after one step of plain gradient descent on its adapters."""
    ids = torch.arange(2, 32)[None] % 50
    model(input_ids=ids, labels=ids, use_cache=False).loss.backward()
    with torch.no_grad():
        for weights in model.parameters():
            if weights.grad is not None:
                weights -= weights.grad
    return model


def test_every_expert_has_a_matrix_of_its_own_rank_and_merging_adds_its_product():
    adapted = with_adapters(tiny("gpt_oss", **GPT_OSS), LORA)
    assert sorted(adapted.peft_config["default"].target_parameters) == [
        f"model.layers.{layer}.mlp.experts.{name}" for layer in (0, 1) for name in ("down_proj", "gate_up_proj")
    ]
    experts = adapted.get_base_model().model.layers[0].mlp.experts
    assert experts.num_experts == 3
    before = experts.get_param().detach().clone()  # (experts, in, out)
    stepped(adapted)
    a = experts.lora_A["default"].weight.detach().reshape(3, 2, -1)
    b = experts.lora_B["default"].weight.detach().reshape(-1, 2, 3)
    name, number = experts.parameter_name, len(before)
    assert number == 3
    merged = adapted.merge_and_unload()
    after = getattr(merged.model.layers[0].mlp.experts, name)
    for expert in range(3):  # W' = W + alpha / r B A
        product = (b[:, :, expert] @ a[expert]).T
        assert torch.allclose(after[expert], before[expert] + 4 / 2 * product, atol=1e-6)
    assert not torch.equal(after, before)


def test_experts_take_no_dropout_and_the_line_says_what_to_do():
    with pytest.raises(UsageError, match=r"lora_dropout 0\.1, but adapters of experts have no dropout"):
        with_adapters(tiny("gpt_oss", **GPT_OSS), TrainConfig(lora=True, lora_dropout=0.1))
    with_adapters(tiny("llama"), TrainConfig(lora=True, lora_dropout=0.1))


def test_a_mamba_hybrid_trains_with_adapters_on_what_its_kernels_do_not_read(tmp_path):
    adapted = stepped(with_adapters(tiny("nemotron_h", **MAMBA), LORA))
    names = {
        name.rpartition(".lora_B")[0].split("layers.")[1] for name, _ in adapted.named_parameters() if "lora_B" in name
    }
    assert names == {"0.mixer.in_proj", *(f"1.mixer.{part}_proj" for part in "qkvo")}
    (told,) = untouched(adapted)
    assert told.startswith(
        "no adapter changed model.layers.*.mixer.out_proj.weight, model.layers.*.mixer.conv1d.weight: "
    )


def test_the_share_that_stays_is_counted():
    model = tiny("nemotron_h", **MAMBA)
    kept = {"out_proj.weight": 0, "conv1d.weight": 0}
    for name, weights in model.named_parameters():
        for part in kept:
            kept[part] += weights.numel() * name.endswith(f"mixer.{part}")
    share = sum(kept.values()) / sum(weights.numel() for weights in model.parameters())
    (told,) = untouched(stepped(with_adapters(model, LORA)))
    assert told.endswith(f": {share:.1%} of the weights stay as they were")


def test_an_adapter_that_no_gradient_reached_is_named():
    (told,) = untouched(with_adapters(tiny("llama"), LORA))  # not trained at all
    assert "model.layers.*.mlp.down_proj.weight" in told
    assert untouched(stepped(with_adapters(tiny("llama"), LORA))) == []
    assert untouched(tiny("llama")) == []


def test_a_linear_layer_that_answers_with_a_pair_has_no_adapter():
    adapted = stepped(with_adapters(tiny("llama4_text", num_local_experts=2, intermediate_size_mlp=24), LORA))
    assert not any("router" in name for name, _ in adapted.named_parameters() if "lora" in name)


def test_a_linear_layer_of_a_class_of_its_own_that_answers_with_the_product_has_one():
    adapted = with_adapters(AutoModelForCausalLM.from_config(AutoConfig.for_model("falcon", **FALCON)), LORA)
    names = {
        name.rpartition(".lora_B")[0].split(".h.0.")[1] for name, _ in adapted.named_parameters() if "lora_B" in name
    }
    assert names == {"self_attention.query_key_value", "self_attention.dense", "mlp.dense_h_to_4h", "mlp.dense_4h_to_h"}


def test_what_peft_refuses_is_one_line(monkeypatch):
    import peft

    def refuse(model, settings):
        raise ValueError("Module 'x' is incompatible\nwith this")

    monkeypatch.setattr(peft, "get_peft_model", refuse)
    with pytest.raises(
        DataselectError, match="PEFT cannot put adapters on this model: Module 'x' is incompatible with this"
    ) as caught:
        with_adapters(tiny("llama"), LORA)
    assert "without lora" in caught.value.hint


def test_a_training_tells_what_stayed(tmp_path, builtin):
    """PEFT takes the names of this family's dense layers for those of its experts, and leaves them out."""
    from dataselect.training import TrainRequest, train

    torch.manual_seed(0)
    sizes = {**SIZES, "vocab_size": 8192, "max_position_embeddings": 64, "intermediate_size": 512}
    experts = {
        "n_routed_experts": 2, "num_experts_per_tok": 1, "n_group": 1, "topk_group": 1, "first_k_dense_replace": 1,
        "moe_intermediate_size": 16, "q_lora_rank": 8, "kv_lora_rank": 8, "qk_rope_head_dim": 4, "qk_nope_head_dim": 4,
        "v_head_dim": 8, "head_dim": 4,
    }  # fmt: skip
    base = tmp_path / "base"
    AutoModelForCausalLM.from_config(AutoConfig.for_model("deepseek_v3", **{**sizes, **experts})).save_pretrained(base)
    for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        (base / name).write_bytes((builtin / name).read_bytes())
    pool = tmp_path / "rows.jsonl"
    pool.write_text(json.dumps({"prompt": "Count.", "response": "One, two."}) + "\n")
    recipe = TrainConfig(max_steps=1, lora=True, lora_r=2)
    summary = train(TrainRequest(pool, str(base), tmp_path / "out", recipe))
    told = [warning for warning in summary.warnings if "no adapter changed" in warning]
    assert len(told) == 1
    assert "model.layers.*.mlp.down_proj.weight" in told[0]
    assert np.isfinite(summary.final_loss)
