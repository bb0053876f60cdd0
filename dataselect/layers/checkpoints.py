"""The weights of model folders and of LoRA adapters, read part by part and never as a whole.

Only safetensors are read: a `.bin`, `.pt` or `.pth` checkpoint is a pickle, which can run code when it is opened. A
file is opened again for every part, because the pages of a mapped file count as memory of the process until the mapping
is closed.

An adapter is read as PEFT saves it, the change of every matrix as two factors:

    W' - W = s B A        s = alpha / r, or alpha / sqrt(r) with rank-stabilised LoRA (Kalajdzievski 2023, 2312.03732)

with A (r, in) and B (out, r), transposed where the base stores its matrices as (in, out), as GPT-2 does. `alpha` may
differ by module (`alpha_pattern`), and r is that of the factors themselves. Weights that the adapter holds whole
(`modules_to_save`, biases) are compared as such.

Left out: quantised weights (whole numbers and 8-bit floats mean nothing without their scales), and changes that are not
`W + s B A` of this base: DoRA and similar adapters, adapters whose initial value was subtracted from the base's own
weights (PiSSA, OLoRA ...), and other kinds of adapters. Merged into a model folder, each of them can be compared.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dataselect.artifacts import ordinary_file, read_json_object
from dataselect.errors import DataselectError
from dataselect.library_errors import refused

INDEX, SINGLE = "model.safetensors.index.json", "model.safetensors"
PLAIN = ("F64", "F32", "F16", "BF16")
"""Types of weights that need no scales."""

_PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt")
_PICKLE_HINT = (
    "convert it where you trust its origin: load it with transformers and call save_pretrained(FOLDER), which writes "
    "safetensors"
)


@dataclass(frozen=True, slots=True)
class StoredTensor:
    """A tensor in a safetensors file.

    Attributes:
        dtype: As safetensors names it, such as `BF16`.
    """

    name: str
    file: Path
    shape: tuple[int, ...]
    dtype: str

    @property
    def floating(self) -> bool:
        """True if it holds plain floating-point numbers."""
        return self.dtype in PLAIN

    def part(self, axis: int, begin: int, end: int) -> NDArray[np.float64]:
        """The entries `begin` to `end` along `axis`, 0 or 1; a tensor without axes is one of length 1.

        Raises:
            DataselectError: If the file cannot be read.
        """
        import torch

        with opened(self.file) as handle:
            if not self.shape:
                return handle.get_tensor(self.name).to(torch.float64).reshape(1).numpy()  # type: ignore[no-any-return]
            stored = handle.get_slice(self.name)
            piece = stored[begin:end] if axis == 0 else stored[:, begin:end]
            numbers: NDArray[np.float64] = piece.to(torch.float64).numpy()
            return numbers


def opened(file: Path) -> Any:  # noqa: ANN401 - a safetensors handle
    """Open a safetensors file.

    Raises:
        DataselectError: If it is missing or damaged.
    """
    from safetensors import SafetensorError, safe_open

    try:
        return safe_open(str(ordinary_file(file)), framework="pt")
    except (OSError, SafetensorError) as error:
        doing = f"{file} cannot be read as safetensors"
        raise refused(error, doing) or DataselectError(f"{doing}: {error}", "fetch or save the file again") from None


def stored_tensors(files: list[Path]) -> dict[str, StoredTensor]:
    """Every tensor of some files, by name.

    Raises:
        DataselectError: If a file cannot be read, or two hold a tensor of one name.
    """
    found: dict[str, StoredTensor] = {}
    for file in files:
        with opened(file) as handle:
            for name in handle.keys():  # noqa: SIM118 - not a mapping
                if name in found:
                    raise DataselectError(
                        f"{file.name} and {found[name].file.name} both hold the tensor {name}", "one of them is stale"
                    )
                stored = handle.get_slice(name)
                found[name] = StoredTensor(name, file, tuple(stored.get_shape()), str(stored.get_dtype()))
    return found


def refuse_pickles(folder: Path) -> None:
    """Raise for a folder without the expected safetensors; a folder with pickles gets a hint about them.

    Raises:
        DataselectError: Always.
    """
    pickled = sorted(file.name for pattern in _PICKLES for file in folder.glob(pattern))
    if pickled:
        raise DataselectError(
            f"the weights in {folder} are pickled ({pickled[0]}), which could run code, and are not read", _PICKLE_HINT
        )
    raise DataselectError(f"{folder} holds no safetensors weights", "give a model folder or a LoRA adapter folder")


class Checkpoint:
    """The weights in a model folder.

    Args:
        folder: With `model.safetensors`, or shards and their index.

    Raises:
        DataselectError: If there are no safetensors, or the index names a missing file.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.tensors: Mapping[str, StoredTensor] = stored_tensors(_files(folder))

    @cached_property
    def tied(self) -> bool:
        """True if the configuration ties the output embedding to the input embedding."""
        file = self.folder / "config.json"
        config = read_json_object(file) if file.exists() else {}
        inner = config.get("text_config") or {}
        return bool(config.get("tie_word_embeddings", inner.get("tie_word_embeddings", False)))


def _files(folder: Path) -> list[Path]:
    if (folder / INDEX).exists():
        return _shards(folder)
    if not (folder / SINGLE).exists():
        refuse_pickles(folder)
    return [folder / SINGLE]


def _shards(folder: Path) -> list[Path]:
    index = read_json_object(folder / INDEX)
    named = index.get("weight_map") if isinstance(index, dict) else None
    if not isinstance(named, dict) or not named:
        raise DataselectError(f"{folder / INDEX} lists no weights", "fetch or save the model again")
    names = sorted({str(name) for name in named.values()})
    for name in names:
        if Path(name).name != name or not name.endswith(".safetensors"):
            raise DataselectError(f"{folder / INDEX} names {name!r}, which is no safetensors file beside it")
        if not (folder / name).exists():
            raise DataselectError(f"{folder} lacks {name}, which its index names", "fetch or save the model again")
    return [folder / name for name in names]


CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
_PREFIX = "base_model.model."
_MERGE = "merge it into its base (merge_and_unload, then save_pretrained) and give that folder"
_VARIANTS = (
    "use_dora", "use_qalora", "use_bdlora", "layer_replication", "target_parameters", "trainable_token_indices",
    "alora_invocation_tokens", "arrow_config", "kasa_config", "monteclora_config", "lora_bias",
)  # fmt: skip
_MUTATING = ("pissa", "olora", "corda", "loftq", "lora_ga")
_FACTOR = re.compile(r"(?P<module>.+)\.(?P<factor>lora_(?:embedding_)?[AB])(?:\.weight)?")


@dataclass(frozen=True, slots=True)
class LowRank:
    """A change given as `left @ right`, (m, r) and (r, n) float64, the adapter's scale included."""

    left: NDArray[np.float64]
    right: NDArray[np.float64]

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the change."""
        return len(self.left), self.right.shape[1]


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
        pair = {factor[-1]: tensor.part(0, 0, tensor.shape[0]) for factor, tensor in self._factors[module].items()}
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


def _read_config(folder: Path) -> Mapping[str, Any]:
    config = read_json_object(folder / CONFIG)
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
