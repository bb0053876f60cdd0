"""Load a causal language model from a folder, whole or not at all.

transformers fills weights that a checkpoint lacks with random numbers and only warns; a model with a random layer
scores like one that works. Here that is an error. Pickled weights and remote code are never used.

Left out: quantised weights. Each kind needs a package and a GPU of its own, and an engine made for them (vLLM) runs
them better. Kinds that transformers converts to plain weights by itself are loaded like plain ones.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from dataselect.artifacts import read_json_object
from dataselect.errors import DataselectError
from dataselect.library_errors import loading
from dataselect.models import quiet_transformers

_HINT = "it must be a causal language model with safetensors weights"
_MADE_PLAIN = ("mxfp4", "fp8")
"""Kinds of quantised weights that transformers converts to plain ones where no kernel runs them."""


def check_weights(folder: Path) -> None:
    """Refuse a folder without usable weights, before any are loaded.

    Raises:
        DataselectError: If it has no safetensors file, lacks one that its index names, or its weights are quantised.
    """
    _check_plain(folder)
    index = folder / "model.safetensors.index.json"
    try:
        named = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()) if index.is_file() else set()
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        raise DataselectError(f"{index} cannot be read as the index of a model", "copy it again") from None
    lacking = sorted(str(name) for name in named if not (folder / str(name)).is_file())
    if lacking:
        raise DataselectError(f"the model in {folder} lacks {lacking[0]}", "its model.safetensors.index.json names it")
    if not any(folder.glob("*.safetensors")):
        raise DataselectError(f"the model in {folder} has no weights" + _instead(folder), _HINT)


def _check_plain(folder: Path) -> None:
    """Refuse weights that are quantised according to config.json."""
    config = folder / "config.json"
    settings = read_json_object(config).get("quantization_config") if config.exists() else None
    kind = settings.get("quant_method", "an unnamed kind") if isinstance(settings, dict) else None
    if kind is not None and kind not in _MADE_PLAIN:
        raise DataselectError(
            f"the weights in {folder} are quantised ({kind}), and transformers is used with plain ones only",
            "give the folder that they were made from, or score with --backend vllm on a GPU",
        )


def _instead(folder: Path) -> str:
    """Describe the weights found in place of safetensors files, if they are of a known kind."""
    if any(folder.glob("*.gguf")):
        return " but a GGUF file, which is not read"
    pickled = next(iter(sorted([*folder.glob("*.bin"), *folder.glob("*.pt*")])), None)
    return f" but pickled ones ({pickled.name}), which are never loaded" if pickled else ""


def body(model: Any) -> Any:  # noqa: ANN401 - transformers models
    """Return a causal language model without its vocabulary head."""
    below = model.base_model
    return model.model if below is model else below  # transformers looks for that of Llama 4's text half in vain


def load_pretrained(folder: Path, dtype: Any, config: Any = None) -> Any:  # noqa: ANN401 - transformers' and torch's
    """Load the model in a folder, with the weights in that folder and no others.

    Args:
        folder: Model folder.
        dtype: A torch dtype.
        config: The configuration to run it with; None for that of the folder.

    Raises:
        DataselectError: If it cannot be loaded, or the folder lacks some of its weights.
    """
    check_weights(folder)
    from transformers import MODEL_FOR_CAUSAL_LM_MAPPING, AutoConfig, AutoModelForCausalLM

    quiet_transformers()
    with loading(f"the model in {folder}", _HINT):
        stated = AutoConfig.from_pretrained(str(folder), trust_remote_code=False)
    if type(stated) not in MODEL_FOR_CAUSAL_LM_MAPPING:
        raise DataselectError(
            f"the model in {folder} is of the type {stated.model_type}, of which transformers has no causal language "
            "model",
            "give a causal language model, or try --backend vllm",
        )
    with loading(f"the model in {folder}", _HINT):
        model, found = AutoModelForCausalLM.from_pretrained(
            str(folder), config=config, dtype=dtype, trust_remote_code=False, use_safetensors=True,
            output_loading_info=True,
        )  # fmt: skip
    lacking = sorted(map(str, (*found["missing_keys"], *found["mismatched_keys"])))
    if lacking:
        more = f" and {len(lacking) - 1} more" if len(lacking) > 1 else ""
        raise DataselectError(
            f"the model in {folder} lacks weights that its config.json speaks of: {lacking[0]}{more}",
            "the folder is incomplete, or config.json belongs to another model",
        )
    return model
