"""Memory of a model that was used once is given back to the system, so that many trainings fit into one process."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from dataselect.backends.memory import release_memory


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_small_pieces_between_others_are_given_back():
    """200 MB in pieces of 200 kB, of which every hundredth stays: 2 MB are in use, the rest is the system's again."""
    import torch

    pieces = [torch.ones(50_000) for _ in range(1_000)]
    full = _resident()
    kept = pieces[::100]
    del pieces
    release_memory()
    assert len(kept) == 10
    assert full - _resident() > 100e6


def _resident() -> float:
    return 4096 * float(Path("/proc/self/statm").read_text(encoding="utf-8").split()[1])
