"""Tiny random models of every causal architecture that the installed transformers has, made from its configurations.

A configuration is cut by the names of its numbers: two layers, or one of each kind that the family mixes, width 32,
windows of 7 tokens, four experts. Weights are five times as wide as an initialisation's, and norms and biases are moved
off their ones and zeros, so that a token that sees what it should not, or a bias that is left out, moves the numbers.
What a family asks for beyond that stands in `FURTHER`.

Left out: weights of families that the installed transformers cannot build, for want of a package or of a part.
"""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import Any

VOCABULARY = 96
POSITIONS = 128

_NAMES: dict[int, str] = {
    VOCABULARY: "vocab_size vocab_size_per_layer_input text_vocab_size",
    POSITIONS: "max_position_embeddings n_positions n_ctx seq_length max_seq_len context_length model_max_length "
    "max_target_positions",
    32: "hidden_size d_model n_embd emb_dim dim embedding_size embedding_dim word_embed_proj_dim dim_model n_embed "
    "attention_hidden_size lru_width hidden_size_global output_embedding_size input_embedding_size",
    48: "intermediate_size ffn_dim decoder_ffn_dim encoder_ffn_dim d_inner n_inner dim_ff moe_intermediate_size dff "
    "shared_expert_intermediate_size shared_intermediate_size moe_shared_expert_intermediate_size ffn_hidden_size "
    "expert_ffn_hidden_size intermediate_size_mlp feed_forward_size",
    16: "q_lora_rank kv_lora_rank o_lora_rank mamba_d_head mamba_head_dim mamba_headdim hc_lowrank router_hidden_size",
    8: "head_dim d_head kv_channels dim_head d_kv v_head_dim swa_head_dim swa_v_head_dim global_head_dim "
    "qk_nope_head_dim linear_key_head_dim linear_value_head_dim index_head_dim hidden_size_per_layer_input "
    "attention_head_dim linear_head_dim mamba_chunk_size chunk_size index_topk",
    7: "sliding_window sliding_window_size window_size local_attention attention_window_size attention_chunk_size",
    4: "num_attention_heads n_head n_heads num_heads decoder_attention_heads encoder_attention_heads attention_heads "
    "num_encoder_attention_heads num_decoder_attention_heads swa_num_attention_heads qk_rope_head_dim rotary_dim "
    "num_experts num_local_experts n_routed_experts moe_num_experts mamba_d_state state_size ssm_state_size "
    "mamba_dt_rank time_step_rank n_mamba_heads mamba_n_heads mamba_num_heads linear_num_key_heads zero_expert_num "
    "linear_num_value_heads linear_num_heads conv_kernel index_n_heads",
    2: "num_hidden_layers n_layer n_layers num_layers decoder_layers encoder_layers num_decoder_layers "
    "num_encoder_layers num_blocks num_key_value_heads swa_num_key_value_heads num_kv_heads kv_n_heads "
    "num_experts_per_tok num_experts_per_token moe_k moe_topk moe_top_k n_groups",
    1: "n_group topk_group num_expert_group first_k_dense_replace num_shared_experts n_shared_experts "
    "num_nextn_predict_layers num_dense_layers",
}
SIZES = {name: size for size, names in _NAMES.items() for name in names.split()}

_LAYERS = ("num_hidden_layers", "n_layer", "n_layers", "num_layers")

_MIXED = ["sliding_attention", "full_attention"]
_DRAFTS = {"hidden_size_per_layer_input": 0, "vocab_size_per_layer_input": 0}
_MUSIC = {"text_encoder": {"model_type": "t5"}, "audio_encoder": {"model_type": "encodec"}}
_ROPE = {"rope_type": "default", "rope_theta": 10000.0, "mrope_section": [1, 1, 2]}
FURTHER: dict[str, dict[str, Any]] = {
    "blt": {"encoder_hash_byte_group_vocab": 50},
    "cohere_compass_text": {"layer_types": _MIXED, "rope_parameters": dict.fromkeys(_MIXED, _ROPE)},
    "dbrx": {"attn_config": {"kv_n_heads": 2, "rope_theta": 10000.0, "clip_qkv": 8.0}},
    "deepseek_v4": {"num_hidden_layers": 3, "mlp_layer_types": ["hash_moe", "moe", "moe"]}
    | {"layer_types": ["sliding_attention", "heavily_compressed_attention", "compressed_sparse_attention"]},
    "dots1": {"layer_types": _MIXED},
    "emu3": {"vocabulary_map": {"<image>": 5}},
    "falcon_h1": {"mamba_d_ssm": 64},
    "gemma3n_text": {"num_kv_shared_layers": 1, "num_hidden_layers": 3}
    | {"layer_types": [*_MIXED, "full_attention"], "activation_sparsity_pattern": [0.5, 0.0, 0.0], "laurel_rank": 4},
    "gemma4_assistant": {"text_config": _DRAFTS},
    "gemma4_text": {"global_head_dim": 8},
    "gemma4_unified_assistant": {"text_config": _DRAFTS},
    "gemma4_unified_text": {"global_head_dim": 8},
    "gpt_neo": {"attention_types": [[["global", "local"], 1]]},
    "granitemoehybrid": {"layer_types": ["linear_attention", "full_attention"]},
    "jamba": {"attn_layer_period": 2, "attn_layer_offset": 1},
    "laguna": {"layer_types": _MIXED, "num_attention_heads_per_layer": [4, 4]},
    "lfm2": {"layer_types": ["conv", "full_attention"]},
    "lfm2_moe": {"layer_types": ["conv", "full_attention"]},
    "mamba2": {"head_dim": 16},
    "mellum": {"layer_types": _MIXED},
    "minimax_m3_vl_text": {"mlp_layer_types": ["dense", "sparse"], "dense_intermediate_size": 48},
    "ministral": {"layer_types": _MIXED},
    "qwen2": {"use_sliding_window": True, "sliding_window": 7, "max_window_layers": 1, "layer_types": None},
    "qwen2_moe": {"use_sliding_window": True, "sliding_window": 7, "max_window_layers": 1, "layer_types": None},
    "qwen3": {"use_sliding_window": True, "sliding_window": 7, "max_window_layers": 1, "layer_types": None},
    "qwen4_exp_text": {"indexer_n_heads": 2, "indexer_kv_heads": 1, "indexer_head_dim": 8, "indexer_budget": 8}
    | {"indexer_compress_ratio": 4},
    "recurrent_gemma": {"num_hidden_layers": 3},
    "reformer": {"is_decoder": True, "axial_pos_shape": [8, 16], "axial_pos_embds_dim": [16, 16]},
    "xmod": {"default_language": "en_XX"},
    "zamba": {"num_hidden_layers": 3, "layers_block_type": ["linear_attention", "hybrid", "hybrid"]}
    | {"attention_hidden_size": 64, "attention_head_dim": 16},
    "zamba2": {"num_hidden_layers": 3, "layers_block_type": ["linear_attention", "hybrid", "hybrid"]}
    | {"attention_hidden_size": 64, "attention_head_dim": 16, "mamba_headdim": 16, "num_key_value_heads": 4},
    "zaya": {"num_experts_per_tok": 1},
}
"""By model type, what is set beside or in place of the sizes above."""

PARTS: dict[str, dict[str, Any]] = {
    "gemma4_assistant": {"text_config": {"model_type": "gemma4_text", **_DRAFTS}},
    "gemma4_unified_assistant": {"text_config": {"model_type": "gemma4_unified_text"}},
    "musicgen": _MUSIC | {"decoder": {"model_type": "musicgen_decoder"}},
    "musicgen_melody": _MUSIC | {"decoder": {"model_type": "musicgen_melody_decoder"}},
}
"""By model type, the parts of a configuration that has no defaults."""


def families() -> list[str]:
    """The model types that the installed transformers loads as causal language models."""
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

    return sorted(MODEL_FOR_CAUSAL_LM_MAPPING_NAMES)


def tiny_config(config_class: Any, further: dict[str, Any] | None = None) -> Any:
    """A configuration of the class with everything cut to size, its parts (text, vision, audio) too."""
    whole = config_class(**deepcopy(PARTS.get(config_class.model_type, {}))).to_dict()
    given = {name: SIZES[name] for name, value in whole.items() if name in SIZES and _is_size(name, value)}
    if "kv_lora_rank" in whole:  # latent attention: as many keys as queries, and the head's width is its rotary part
        given |= {"num_key_value_heads": 4} | ({"head_dim": 4} if "head_dim" in whole else {})
    given |= _by_layer(whole)
    tokens = {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}
    given |= {name: token for name, token in tokens.items() if name in whole}
    given |= FURTHER.get(config_class.model_type, {}) | (further or {})
    for name, part in (getattr(config_class, "sub_configs", None) or {}).items():
        if isinstance(whole.get(name), dict):
            given[name] = tiny_config(_class_of(part, whole[name]), given.get(name))
    return config_class(**given)


def _is_size(name: str, value: Any) -> bool:
    """Whether a setting is a number to be cut; a window that is not set stays so."""
    return (value is None and SIZES[name] != 7) or (
        isinstance(value, (int, float, list)) and not isinstance(value, bool)
    )


def _by_layer(whole: dict[str, Any]) -> dict[str, Any]:
    """Lists with an entry per layer, cut to one layer of each kind, and the number of layers that needs."""
    name = next((name for name in _LAYERS if name in whole), "")
    lists = {
        key: list(dict.fromkeys(value))
        for key, value in whole.items()
        if isinstance(value, list)
        and len(value) == whole.get(name)
        and key not in SIZES
        and value != list(range(len(value)))
    }
    layers = max([2, *map(len, lists.values())])
    cut: dict[str, Any] = {key: [kinds[i % len(kinds)] for i in range(layers)] for key, kinds in lists.items()}
    return cut | ({name: layers} if name and layers > 2 else {})


def _class_of(part: Any, values: dict[str, Any]) -> Any:
    from transformers import CONFIG_MAPPING, AutoConfig

    return CONFIG_MAPPING[values["model_type"]] if part is AutoConfig else part


def tiny_model(family: str, seed: int = 0) -> Any:
    """A tiny random model of a family, in float32 and in evaluation mode, as transformers makes it by default."""
    import torch
    from transformers import CONFIG_MAPPING

    config = tiny_config(CONFIG_MAPPING[family])
    torch.manual_seed(seed)
    model = _loader(config).from_config(config, dtype=torch.float32).eval()
    with torch.no_grad():
        for weight in model.parameters():
            if weight.is_floating_point():
                spread = float(weight.std()) if weight.dim() > 1 else 0.0
                weight.mul_(0.1 / spread) if spread else weight.add_(0.1 * torch.randn_like(weight))
    return model


def _loader(config: Any) -> Any:
    """How the model was saved that people have: whole, where the language model is a part of another."""
    from transformers import AutoModelForCausalLM, AutoModelForImageTextToText
    from transformers.models.auto.modeling_auto import (
        MODEL_FOR_CAUSAL_LM_MAPPING,
        MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING,
    )

    part = MODEL_FOR_CAUSAL_LM_MAPPING[type(config)]
    whole = part.config_class is not type(config) and type(config) in MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING
    return AutoModelForImageTextToText if whole else AutoModelForCausalLM


def save_tiny_model(family: str, folder: Path) -> Any:
    """Write a tiny model to a folder, and give the model itself.

    Where transformers cannot build one the folder holds its configuration and an empty weights file: None is given.
    """
    from safetensors.torch import save_file
    from transformers import CONFIG_MAPPING

    try:
        model = tiny_model(family)
    except (ImportError, AttributeError):
        tiny_config(CONFIG_MAPPING[family]).save_pretrained(folder)
        save_file({}, folder / "model.safetensors", metadata={"format": "pt"})
        return None
    model.save_pretrained(folder)
    return model
