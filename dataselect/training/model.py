"""The model of a training: loaded with float32 weights, fitted with adapters if asked for, and saved as a plain folder.

Adapters are merged before saving, so that every later stage sees an ordinary model folder; the adapter itself is kept
beside it in adapter/. The tokenizer's files are copied, not saved anew, so that it stays the same to the byte.

Left out: quantised bases, and training on more than one device.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

from dataselect.backends.dtypes import resolve_dtype
from dataselect.backends.pretrained import load_pretrained
from dataselect.errors import DataselectError
from dataselect.pool import Renderer
from dataselect.pool.templates import NAMES as TEMPLATES
from dataselect.registry import require
from dataselect.training.config import TrainConfig

TEMPORARY = ".tmp-model"
_TOKENIZER_FILES = (
    "tokenizer*", "special_tokens_map.json", "added_tokens.json", "chat_template*", "vocab.*", "merges.txt", "*.model",
)  # fmt: skip
OWN = (
    "config.json", "generation_config.json", "model*.safetensors", "model.safetensors.index.json", *_TOKENIZER_FILES,
    "adapter/*", f"{TEMPORARY}/**/*",
)  # fmt: skip
"""Files of a model folder that a training writes."""


def training_dtype(dtype: str) -> str:
    """Resolve a dtype's name as the backends do, and check that the GPU can train in it.

    Raises:
        DataselectError: If it cannot.
    """
    import torch

    resolved = resolve_dtype(dtype, gpu=torch.cuda.is_available())
    if resolved == "bfloat16" and torch.cuda.is_available() and not torch.cuda.is_bf16_supported():
        raise DataselectError("this GPU does not compute in bfloat16", "train with dtype float32")
    return resolved


def load_trainable(path: Path, config: TrainConfig, dtype: str) -> Any:  # noqa: ANN401 - a transformers or PEFT model
    """Load a model and make it ready for training.

    Args:
        path: Model folder.
        dtype: Resolved dtype of the training.

    Raises:
        DataselectError: If it cannot be loaded.
    """
    import torch
    from transformers import set_seed

    weights = torch.bfloat16 if config.lora and dtype == "bfloat16" else torch.float32
    model = load_pretrained(path, weights)
    if not config.lora:
        return model
    set_seed(config.seed)
    return _with_adapters(model, config)


def _with_adapters(model: Any, config: TrainConfig) -> Any:  # noqa: ANN401
    peft = require("peft", "train")
    settings = peft.LoraConfig(
        task_type="CAUSAL_LM",
        target_modules="all-linear",
        r=config.lora_r,
        lora_alpha=config.lora_alpha,
        lora_dropout=config.lora_dropout,
    )
    return peft.get_peft_model(model, settings)


def save_model(model: Any, base: Path, name: str, renderer: Renderer, dtype: str, folder: Path) -> None:  # noqa: ANN401
    """Write the whole model folder to a temporary subfolder of `folder`.

    Args:
        model: The trained model, with adapters or without.
        base: Folder of the base model, for the tokenizer's files.
        name: What the user calls the base model, recorded with the adapter.
        renderer: A Jinja template that it trained with becomes the model's chat template.
        dtype: dtype of the saved weights.
        folder: The stage directory.
    """
    import torch

    target = folder / TEMPORARY
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    if hasattr(model, "peft_config"):
        model.peft_config["default"].base_model_name_or_path = name
        model.save_pretrained(target / "adapter", save_embedding_layers=False)  # else it looks the name up
        model = model.merge_and_unload()
    model.to(getattr(torch, dtype)).save_pretrained(target)
    _copy_tokenizer(base, target)
    settings = renderer.settings()
    if settings["template"] not in TEMPLATES:
        (target / "chat_template.jinja").write_text(settings["template_text"], encoding="utf-8", newline="\n")


def _copy_tokenizer(base: Path, target: Path) -> None:
    for file in sorted({file for pattern in _TOKENIZER_FILES for file in base.glob(pattern)}):
        if file.is_file():
            shutil.copyfile(file, target / file.name)


def move_into_place(folder: Path) -> None:
    """Move the saved files up into the stage directory, config.json last: without it a folder is no model."""
    source = folder / TEMPORARY
    files = sorted(file.relative_to(source) for file in source.rglob("*") if file.is_file())
    for file in sorted(files, key=lambda file: (file.name == "config.json" and file.parent == Path(), file)):
        (folder / file).parent.mkdir(exist_ok=True)
        os.replace(source / file, folder / file)
    shutil.rmtree(source)
