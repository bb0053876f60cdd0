"""Language models that return token log-probabilities, behind one contract."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from dataselect.backends.contract import Backend, TokenSequence
from dataselect.registry import Registry

__all__ = ["BACKENDS", "Backend", "TokenSequence", "choose_backend", "load_backend"]

BACKENDS = Registry(
    "backend",
    {
        "transformers": "dataselect.backends.transformers:TransformersBackend",
        "vllm": "dataselect.backends.vllm:VllmBackend",
    },
)


def choose_backend(name: str) -> str:
    """Resolve `auto`: vLLM where it is installed and CUDA is visible, else transformers. Other names are checked.

    Raises:
        UsageError: If the name is unknown.
    """
    if name != "auto":
        BACKENDS.load(name)
        return name
    import torch

    return "vllm" if importlib.util.find_spec("vllm") and torch.cuda.is_available() else "transformers"


def load_backend(
    name: str, model: Path, dtype: str = "auto", batch_tokens: int | None = None, max_length: int | None = None
) -> Backend:
    """Load a model behind a backend.

    Args:
        name: `auto` or a name in `BACKENDS`.
        model: Model folder.
        dtype: `auto` (float32 on CPU, bfloat16 on GPU) or a dtype's name.
        batch_tokens: Most tokens computed at once; None for the backend's own default.
        max_length: Longest sequence; None for the model's positions minus 1.

    Raises:
        DataselectError: If name, dtype or model cannot be used.
    """
    backend: Backend = BACKENDS.load(choose_backend(name))(model, dtype, batch_tokens, max_length)
    return backend
