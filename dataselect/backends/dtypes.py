"""The dtype of a model's weights and activations, decided the same way for every backend."""

from __future__ import annotations

from dataselect.registry import unknown

DTYPES = ("float32", "bfloat16", "float16")


def on_gpu() -> bool:
    """Whether models run on a GPU here."""
    import torch

    return bool(torch.cuda.is_available())


def resolve_dtype(dtype: str, gpu: bool) -> str:
    """`auto` is float32 on CPU and bfloat16 on GPU.

    Raises:
        UsageError: If the name is unknown.
    """
    if dtype == "auto":
        return "bfloat16" if gpu else "float32"
    if dtype not in DTYPES:
        raise unknown("dtype", dtype, ("auto", *DTYPES))
    return dtype
