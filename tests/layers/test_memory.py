"""Peak memory, measured in a process of its own: below twice the largest pair of tensors, whatever the model's size."""

from __future__ import annotations

import subprocess
import sys

import torch

SIDE = (20_000, 768)
"""The largest tensor: 15 million weights, 59 MiB in float32."""

MEASURE = """
import sys
from pathlib import Path
from dataselect.layers.checkpoints import Checkpoint
from dataselect.layers.compare import compare_run
def held(name):
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(name)).split()[1]) * 1024
base, tuned = Path(sys.argv[1]), Path(sys.argv[2])
compare_run(Checkpoint(base / "small"), "warm", tuned / "small", True)  # what the libraries take once
Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
before = held("VmRSS")
found = compare_run(Checkpoint(base), "tuned", tuned, True)
assert len(found.tensors) == 5 and all(t.spectrum for t in found.tensors)
print(held("VmHWM") - before)
"""
# ru_maxrss would not do: a process inherits that of the one that started it.


def test_peak_growth_is_below_twice_the_largest_pair(tmp_path, write_model):
    draw = torch.Generator().manual_seed(0)
    for name, shift in (("base", 0.0), ("tuned", 0.001)):
        shapes = {"model.embed_tokens.weight": SIDE} | {
            f"model.layers.{n}.mlp.up_proj.weight": (3072, 768) for n in range(4)
        }
        tensors = {key: torch.randn(shape, generator=draw) * 0.02 + shift for key, shape in shapes.items()}
        write_model(tmp_path / name, tensors, shards=2)
        write_model(tmp_path / name / "small", {"model.layers.0.w.weight": torch.randn(64, 32, generator=draw)})
    del tensors
    code = [sys.executable, "-c", MEASURE, str(tmp_path / "base"), str(tmp_path / "tuned")]
    done = subprocess.run(code, capture_output=True, text=True, check=True)
    grown = int(done.stdout)
    pair = 2 * 4 * SIDE[0] * SIDE[1]
    assert grown < 2 * pair
    assert grown > 8 * 768**2  # the Gram matrix at least: the measurement sees what there is
