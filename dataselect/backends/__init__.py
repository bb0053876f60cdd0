"""Language models that return token log-probabilities, behind one contract."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from dataselect.backends.contract import (
    Backend,
    BackendOptions,
    BatchTooLargeError,
    EngineDiedError,
    TokenSequence,
)
from dataselect.registry import Registry

__all__ = [
    "BACKENDS",
    "Backend",
    "BackendOptions",
    "BatchTooLargeError",
    "EngineDiedError",
    "TokenSequence",
    "choose_backend",
    "load_backend",
]

BACKENDS = Registry(
    "backend",
    {
        "transformers": "dataselect.backends.transformers:TransformersBackend",
        "vllm": "dataselect.backends.vllm:VllmBackend",
        "server": "dataselect.backends.server:ServerBackend",
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


def load_backend(name: str, model: Path, options: BackendOptions | None = None) -> Backend:
    """Load a model behind a backend.

    Args:
        name: `auto` or a name in `BACKENDS`.
        model: Model folder.
        options: How to run it; None for the defaults.

    Raises:
        DataselectError: If name, options or model cannot be used.
    """
    backend: Backend = BACKENDS.load(choose_backend(name))(model, options or BackendOptions())
    return backend
