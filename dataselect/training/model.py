"""The model of a training: loaded with float32 weights, fitted with adapters if asked for, and saved as a plain folder.

Adapters are merged before saving, so that every later stage sees an ordinary model folder; the adapter itself is kept
beside it in adapter/. The tokenizer's files are copied, not saved anew, so that it stays the same to the byte.

GPT-2, OPT, XGLM and others of their time carry a dropout of 0.1 in config.json, which transformers applies as soon as a
model trains; later families carry none. A comparison of bases or selections should not turn on such a leftover, a short
fine-tuning rarely gains from it, and with it the first loss is not the one that evaluation finds. So it is off unless
the recipe asks for it, and the manifest names what was turned off. Noise that a router adds while it trains is of the
same kind. Adapters have a setting of their own (`lora_dropout`).

Left out: quantised bases, training on more than one device, and dropout that a model's code has without a setting.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dataselect.backends.dtypes import resolve_dtype
from dataselect.backends.pretrained import load_pretrained
from dataselect.errors import DataselectError
from dataselect.models import read_model_config
from dataselect.pool import Renderer
from dataselect.pool.render_options import TEMPLATE_NAMES
from dataselect.training.adapters import with_adapters
from dataselect.training.config import TrainConfig
from dataselect.training.ends import FILE as GENERATION
from dataselect.training.ends import Ends, write_ends

_TOKENIZER_FILES = (
    "tokenizer*", "special_tokens_map.json", "added_tokens.json", "chat_template*", "vocab.*", "merges.txt", "*.model",
    "tekken.json",
)  # fmt: skip


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
    """Load a model and make it ready for training: without a cache, and without dropout unless `config` keeps it.

    Args:
        path: Model folder.
        dtype: Resolved dtype of the training.

    Raises:
        DataselectError: If it cannot be loaded.
    """
    import torch
    from transformers import set_seed

    weights = torch.bfloat16 if config.lora and dtype == "bfloat16" else torch.float32
    settings = read_model_config(path)
    settings.get_text_config().use_cache = False
    if not config.dropout:
        turn_off_dropout(settings)
    model = load_pretrained(path, weights, settings)
    if not config.lora:
        return model
    set_seed(config.seed)
    return with_adapters(model, config)


def save_model(
    model: Any,  # noqa: ANN401 - a transformers or PEFT model
    base: Path,
    name: str,
    renderer: Renderer,
    ends: Ends,
    dtype: str,
    target: Path,
) -> None:
    """Write the whole model folder.

    Args:
        model: The trained model, with adapters or without.
        base: Folder of the base model, for the tokenizer's files.
        name: The base model as the user named it, recorded with the adapter.
        renderer: A Jinja template that it trained with becomes the model's chat template.
        ends: The tokens that it was trained to stop at.
        dtype: dtype of the saved weights.
        target: The folder to write.
    """
    import torch
    from transformers import GenerationConfig

    if hasattr(model, "peft_config"):
        model.peft_config["default"].base_model_name_or_path = name
        model.save_pretrained(target / "adapter", save_embedding_layers=False)  # else it looks the name up
        model = model.merge_and_unload()
    model.config = _like(model.config, read_model_config(base))
    if (base / GENERATION).exists():
        model.generation_config = GenerationConfig()  # write_ends copies the base's own, which this need not validate
    model.to(getattr(torch, dtype)).save_pretrained(target)
    write_ends(ends, base, target)
    _copy_tokenizer(base, target)
    settings = renderer.settings()
    if settings["template"] not in TEMPLATE_NAMES:
        (target / "chat_template.jinja").write_text(settings["template_text"], encoding="utf-8", newline="\n")


def _like(trained: Any, base: Any) -> Any:  # noqa: ANN401
    """Return the base's configuration, or its part about text if the trained model is of that class."""
    return base if type(base) is type(trained) else base.get_text_config()


def _copy_tokenizer(base: Path, target: Path) -> None:
    for file in sorted({file for pattern in _TOKENIZER_FILES for file in base.glob(pattern)}):
        if file.is_file():
            shutil.copyfile(file, target / file.name)


_NAME = re.compile(r"drop|jitter")
_OF_OTHER_HEADS = re.compile(r"^(summary|classifier|pooler)_")


def dropout_of(config: Any) -> dict[str, float]:  # noqa: ANN401 - a transformers configuration
    """Return the settings of a configuration that add dropout or noise while a model trains, and are not 0.

    Returns:
        Dotted name -> value.
    """
    return {name: value for name, _, _, value in _settings(config, "")}


def turn_off_dropout(config: Any) -> None:  # noqa: ANN401
    """Set all of these settings to 0, in place."""
    for _, part, key, _ in list(_settings(config, "")):
        setattr(part, key, 0.0)


def _settings(part: Any, prefix: str) -> Iterator[tuple[str, Any, str, float]]:  # noqa: ANN401
    """Yield dotted name, the part of the configuration that holds it, its name in that part, and its value."""
    from transformers import PretrainedConfig

    for key, value in vars(part).items():
        if isinstance(value, PretrainedConfig):
            yield from _settings(value, f"{prefix}{key}.")
        elif isinstance(value, float) and value and _NAME.search(key) and not _OF_OTHER_HEADS.search(key):
            yield f"{prefix}{key}", part, key, value
