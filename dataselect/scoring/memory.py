"""How much memory this process has needed so far, at its highest, and how much its model takes on a GPU."""

from __future__ import annotations

import resource
from dataclasses import dataclass

from dataselect.backends.dtypes import on_gpu


@dataclass(frozen=True, slots=True)
class Memory:
    """Peaks in bytes.

    Attributes:
        process: Resident memory of this process.
        engine: Resident memory of the largest process that it started and that has ended, such as vLLM's engine; 0
            without one.
        gpu: Memory on the GPU; None without one.
    """

    process: int
    engine: int
    gpu: int | None


def gpu_memory(backend: str) -> int | None:
    """Bytes on the GPU while a model is loaded: the most that PyTorch had here; for vLLM all that is in use there."""
    if not on_gpu() or backend == "server":
        return None
    import torch

    if backend == "transformers":
        return int(torch.cuda.max_memory_allocated())
    free, total = torch.cuda.mem_get_info()
    return int(total - free)


def peak_memory(backend: str, gpu: int | None) -> Memory:
    """The peaks until now, once the model is stopped; `gpu` is what `gpu_memory` said before."""
    engine = _peak(resource.RUSAGE_CHILDREN) if backend == "vllm" else 0
    return Memory(_peak(resource.RUSAGE_SELF), engine, gpu)


def _peak(who: int) -> int:
    return resource.getrusage(who).ru_maxrss * 1024
