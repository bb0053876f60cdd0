"""The dtype of a model's weights and activations, decided the same way for every backend."""

from __future__ import annotations

import os

from dataselect.registry import unknown

DTYPES = ("float32", "bfloat16", "float16")


def on_gpu() -> bool:
    """Return whether models run on a GPU here."""
    import torch

    return bool(torch.cuda.is_available())


def visible_gpus() -> list[str]:
    """Return the GPUs that this process may use, by the names that `CUDA_VISIBLE_DEVICES` takes."""
    import torch

    named = [name for name in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if name.strip()]
    return named[: torch.cuda.device_count()] or [str(i) for i in range(torch.cuda.device_count())]


def resolve_dtype(dtype: str, gpu: bool) -> str:
    """Return the dtype for a name; `auto` is float32 on CPU and bfloat16 on GPU.

    Raises:
        UsageError: If the name is unknown.
    """
    if dtype == "auto":
        return "bfloat16" if gpu else "float32"
    if dtype not in DTYPES:
        raise unknown("dtype", dtype, ("auto", *DTYPES))
    return dtype
