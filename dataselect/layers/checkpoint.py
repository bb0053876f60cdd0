"""The weights of a model folder, read part by part and never as a whole.

Only safetensors are read: a `.bin`, `.pt` or `.pth` checkpoint is a pickle, which can run code when it is opened. A
file is opened anew for every part, because the pages of a mapped file count as memory of the process until the mapping
is gone.

Left out: quantised weights. What is stored as whole numbers or in 8-bit floats means nothing without its scales.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dataselect.artifacts import read_json
from dataselect.errors import DataselectError

INDEX, SINGLE = "model.safetensors.index.json", "model.safetensors"
PLAIN = ("F64", "F32", "F16", "BF16")
"""Types of weights that mean what they say."""

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
        """Whether it holds plain floating-point numbers."""
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
        return safe_open(str(file), framework="pt")
    except (OSError, SafetensorError) as error:
        told = " ".join(str(error).split())[:200]
        raise DataselectError(f"{file} cannot be read as safetensors: {told}", "fetch or save the file again") from None


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
    """Raise for a folder without the safetensors that were expected, with a word about pickles where they stand there.

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
        DataselectError: If there are no safetensors, or the index names a file that is not there.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.tensors: Mapping[str, StoredTensor] = stored_tensors(_files(folder))

    @cached_property
    def tied(self) -> bool:
        """Whether the configuration says that the output embedding is the input embedding."""
        file = self.folder / "config.json"
        config = read_json(file) if file.exists() else {}
        inner = config.get("text_config") or {}
        return bool(config.get("tie_word_embeddings", inner.get("tie_word_embeddings", False)))


def _files(folder: Path) -> list[Path]:
    if (folder / INDEX).exists():
        return _shards(folder)
    if not (folder / SINGLE).exists():
        refuse_pickles(folder)
    return [folder / SINGLE]


def _shards(folder: Path) -> list[Path]:
    index = read_json(folder / INDEX)
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
