"""Keep freed memory for the next batch, as the allocators of GPUs do.

The C library of Linux gives a large block back to the system when it is freed; the next activation of the same size
then pays for fresh pages, one fault for every 4 KiB. In a virtual machine that is a tenth of the time of a forward
pass (benchmarks/LOG.md). Other C libraries are left alone.
"""

from __future__ import annotations

import ctypes
import sys

_TRIM, _MAP = -1, -3
"""Numbers of M_TRIM_THRESHOLD and M_MMAP_THRESHOLD in glibc's malloc.h."""

_KEPT = 2**28
"""Free bytes at the heap's end that are kept."""

_MAPPED_FROM = 2**25
"""Size from which a block is a mapping of its own; glibc takes no more."""


def keep_freed_memory() -> None:
    """Set it for this process; doing it again changes nothing."""
    if not sys.platform.startswith("linux"):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_TRIM, _KEPT)
        mallopt(_MAP, _MAPPED_FROM)
