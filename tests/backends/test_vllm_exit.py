"""A process that used the engine ends by itself: its exit must not wait for the engine's process for ever."""

from __future__ import annotations

import subprocess
import sys

import pytest

CODE = """
import weakref  # a finalizer made before multiprocessing is imported is what once let the exit hang
class Thing: pass
thing = Thing(); weakref.finalize(thing, print)
from dataselect.backends import BackendOptions, TokenSequence, load_backend
from dataselect.bundled import model_path
import numpy as np
if __name__ == "__main__":
    keep = load_backend("vllm", model_path(), BackendOptions("float32", max_length=64))
    print(len(keep.score([TokenSequence(np.array([0, 5, 6], np.int32))])))
"""


@pytest.mark.vllm
@pytest.mark.usefixtures("vllm_installed")
def test_the_process_ends_while_the_engine_is_still_held(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(CODE)
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.split()[0] == "1"
