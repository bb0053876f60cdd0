"""Run a model on a CPU at full speed: lanes of cores, prepacked weights, kept memory, threads that can still allocate.

Lanes. PyTorch splits every operation over all cores and waits for the last of them, after each of thousands of small
ones. Where work falls into independent pieces, such as the packs of a pool and the tiles of a vocabulary, each lane of
cores waits for the others once, keeps its piece in its own cache, and is not held up at every step by a core that
another program uses at the moment.

Prepacked weights. PyTorch hands float32 products to MKL, which keeps to AVX2 on processors that are not Intel's; oneDNN
uses whatever the processor has. On an AMD Zen 5 the same product takes less than half the time. Sums are still exact
float32 or bfloat16 products added up in float32: another order of additions, nothing less precise.

Kept memory. The C library of Linux gives a large block back to the system when it is freed; the next activation of the
same size then pays for fresh pages, one fault for every 4 KiB. In a virtual machine that is a tenth of the time of a
forward pass. Other C libraries are left alone.

Measurements: benchmarks/LOG.md.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from dataselect.backends.contract import BatchTooLargeError

_Piece = TypeVar("_Piece")
_Done = TypeVar("_Done")


def cores() -> int:
    """Return the number of cores that PyTorch uses."""
    import torch

    return int(torch.get_num_threads())


def side_by_side(work: Callable[[_Piece], _Done], pieces: Sequence[_Piece], lanes: int) -> Iterator[_Done]:
    """Yield `work` of each piece, in their order, in inference mode.

    Args:
        lanes: Pieces in work at any time, at most one per core; the cores are divided among them.
    """
    import torch

    everything = cores()
    lanes = min(lanes, everything, len(pieces))

    def done(piece: _Piece) -> _Done:
        with torch.inference_mode():
            return work(piece)

    if lanes <= 1:
        yield from map(done, pieces)
        return
    try:
        with ThreadPoolExecutor(lanes, initializer=_use, initargs=(everything // lanes,)) as pool:
            yield from pool.map(done, pieces)
    finally:
        torch.set_num_threads(everything)  # what is set in a thread also becomes the default of threads to come


def _use(threads: int) -> None:
    import torch

    torch.get_num_threads()  # PyTorch takes its default over now, and not at the first operation
    torch.set_num_threads(threads)


_LIKELY_ROWS = 1024
"""Rows that the layout is chosen for; any number works."""

Linear = Callable[[Any], Any]
"""(..., inputs) to (..., outputs)."""


def prepacked(weight: Any, bias: Any) -> Linear | None:  # noqa: ANN401
    """Return a linear map on the CPU; None where no better layout exists.

    Args:
        weight: (outputs, inputs).
        bias: (outputs,) or None.
    """
    import torch

    if weight.device.type != "cpu" or not torch.backends.mkldnn.is_available():
        return None
    try:
        laid_out = torch.ops.mkldnn._reorder_linear_weight(weight.detach().contiguous(), _LIKELY_ROWS)
        multiply = torch.ops.mkldnn._linear_pointwise
    except (AttributeError, RuntimeError):
        return None
    return lambda inputs: multiply(inputs, laid_out, bias, "none", [], "")


def prepack_layers(model: Any) -> None:  # noqa: ANN401
    """Lay out every linear layer below a module; the layers' own weights are released."""
    import torch
    from transformers.pytorch_utils import Conv1D

    for layer in model.modules():
        if type(layer) not in (torch.nn.Linear, Conv1D):
            continue
        weight = layer.weight.t() if isinstance(layer, Conv1D) else layer.weight
        if (forward := prepacked(weight, layer.bias)) is not None:
            layer.forward = forward
            layer.weight = None


_TRIM, _MAP = -1, -3
"""Numbers of M_TRIM_THRESHOLD and M_MMAP_THRESHOLD in glibc's malloc.h."""

_KEPT = 2**28
"""Free bytes at the heap's end that are kept."""

_MAPPED_FROM = 2**25
"""Size from which a block is a mapping of its own; glibc takes no more."""


def keep_freed_memory() -> None:
    """Keep freed memory in this process; calling it again changes nothing."""
    if not sys.platform.startswith("linux"):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_TRIM, _KEPT)
        mallopt(_MAP, _MAPPED_FROM)


_T = TypeVar("_T")


class MemoryThreads:
    """Runs the calls of one model, each in a thread of its own once memory has run out.

    The compiler of oneDNN's kernels keeps the first error of each thread for ever. A thread that once found no memory
    for a kernel gets no new kernel again, however much memory is free, and every smaller batch fails as the large one
    did. A new thread starts clean. Until memory runs out calls stay in the caller's thread, where Ctrl-C ends them at
    once.
    """

    def __init__(self) -> None:
        self._ran_out = False

    def run(self, call: Callable[[], _T]) -> _T:
        """Run a call; its errors are raised here.

        Raises:
            BatchTooLargeError: If the device ran out of memory.
        """
        if self._ran_out:
            with ThreadPoolExecutor(1) as thread:
                return thread.submit(call).result()
        try:
            return call()
        except BatchTooLargeError:
            self._ran_out = True
            raise
