"""LoRA adapters as PEFT saves them, read directly: the change of every matrix as two factors.

    W' - W = s B A        s = alpha / r, or alpha / sqrt(r) with rank-stabilised LoRA (Kalajdzievski 2023, 2312.03732)

with A (r, in) and B (out, r), transposed where the base stores its matrices as (in, out), as GPT-2 does. `alpha` may
differ by module (`alpha_pattern`), and r is that of the factors themselves. Weights that the adapter holds whole
(`modules_to_save`, biases) are compared as such.

What is not `W + s B A` of this base is refused with a word on how to go on: DoRA and its kin, adapters whose start was
taken out of the base's own weights (PiSSA, OLoRA ...), and other kinds of adapters. Merged into a model folder, each of
them can be compared.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dataselect.artifacts import read_json
from dataselect.errors import DataselectError
from dataselect.layers.change import LowRank
from dataselect.layers.checkpoint import StoredTensor, refuse_pickles, stored_tensors

CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
_PREFIX = "base_model.model."
_MERGE = "merge it into its base (merge_and_unload, then save_pretrained) and give that folder"
_VARIANTS = (
    "use_dora", "use_qalora", "use_bdlora", "layer_replication", "target_parameters", "trainable_token_indices",
    "alora_invocation_tokens", "arrow_config", "kasa_config", "monteclora_config", "lora_bias",
)  # fmt: skip
_MUTATING = ("pissa", "olora", "corda", "loftq", "lora_ga")
_FACTOR = re.compile(r"(?P<module>.+)\.(?P<factor>lora_(?:embedding_)?[AB])(?:\.weight)?")


class Adapter:
    """A LoRA adapter folder.

    Attributes:
        whole: Name -> a tensor that it holds whole.

    Raises:
        DataselectError: If it is no LoRA adapter of the plain kind, or its files are damaged or pickled.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._config = _read_config(folder)
        if not (folder / WEIGHTS).exists():
            refuse_pickles(folder)
        self._factors: dict[str, dict[str, StoredTensor]] = {}
        self.whole: dict[str, StoredTensor] = {}
        for name, tensor in stored_tensors([folder / WEIGHTS]).items():
            self._take(name.removeprefix(_PREFIX), tensor)
        for module, pair in self._factors.items():
            if len(pair) != 2 or {factor[-1] for factor in pair} != {"A", "B"}:
                raise DataselectError(f"{folder / WEIGHTS} holds only half of the factors of {module}", "save it again")

    def _take(self, name: str, tensor: StoredTensor) -> None:
        match = _FACTOR.fullmatch(name)
        if match and len(tensor.shape) == 2:
            self._factors.setdefault(match["module"], {})[match["factor"]] = tensor
        elif "lora_" in name or "token_adapter" in name:
            raise DataselectError(f"{self.folder} holds {name}, which is not a plain LoRA matrix", _MERGE)
        else:
            self.whole[name.replace(".base_layer.", ".")] = tensor

    @property
    def matrices(self) -> dict[str, str]:
        """Name of the changed weight -> the module that changes it."""
        return {f"{module}.weight": module for module in self._factors}

    def change(self, module: str, shape: tuple[int, ...]) -> LowRank | None:
        """The change that a module's factors make to a weight of this shape; None where they do not fit it."""
        pair = {factor[-1]: _numbers(tensor) for factor, tensor in self._factors[module].items()}
        a, b = pair["A"], pair["B"]
        if a.shape[0] != b.shape[1]:
            return None
        b = b * self._scale(module, len(a))
        straight, turned = LowRank(b, a), LowRank(a.T, b.T)
        embedding = "lora_embedding_A" in self._factors[module]
        first = turned if embedding or self._config.get("fan_in_fan_out") else straight
        return next((one for one in (first, straight, turned) if one.shape == shape), None)

    def _scale(self, module: str, rank: int) -> float:
        alpha = float(self._config["lora_alpha"])
        for pattern, value in (self._config.get("alpha_pattern") or {}).items():
            if re.match(rf"(.*\.)?({pattern})$", module):
                alpha = float(value)
                break
        return alpha / (math.sqrt(rank) if self._config.get("use_rslora") else rank)


def _numbers(tensor: StoredTensor) -> NDArray[np.float64]:
    return tensor.part(0, 0, tensor.shape[0])


def _read_config(folder: Path) -> Mapping[str, Any]:
    config = read_json(folder / CONFIG)
    kind = config.get("peft_type") if isinstance(config, dict) else None
    if kind != "LORA":
        raise DataselectError(f"the adapter in {folder} is of the kind {kind}, and only LORA can be read", _MERGE)
    variant = next((name for name in _VARIANTS if config.get(name)), None)
    if variant is not None:
        raise DataselectError(
            f"the adapter in {folder} was made with {variant}, which is more than two factors", _MERGE
        )
    start = str(config.get("init_lora_weights", "")).lower()
    if start.startswith(_MUTATING):
        raise DataselectError(
            f"the adapter in {folder} began as {start}, which changes the base's own weights: its factors are not the "
            "difference to the base", _MERGE,
        )  # fmt: skip
    if not isinstance(config.get("lora_alpha"), int | float):
        raise DataselectError(f"{folder / CONFIG} names no lora_alpha", "save the adapter again with PEFT")
    try:
        for pattern in config.get("alpha_pattern") or {}:
            re.compile(pattern)
    except re.error as error:
        raise DataselectError(f"{folder / CONFIG}: alpha_pattern cannot be read: {error}") from None
    checked: Mapping[str, Any] = config
    return checked
