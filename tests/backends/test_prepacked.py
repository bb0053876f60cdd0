"""Linear layers laid out for oneDNN, and memory that stays with the process."""

from __future__ import annotations

import subprocess
import sys

import pytest

from dataselect.backends.prepacked import prepack_layers, prepacked


@pytest.mark.parametrize("rows", [1, 2, 17, 128, 1500])
@pytest.mark.parametrize("biased", [False, True])
def test_the_product_is_that_of_the_layer_in_float32(rows, biased):
    # exact float32: sums of 200 products of numbers around 1 differ by the order of additions, about 1e-5
    import torch

    torch.manual_seed(0)
    weight, bias, inputs = torch.randn(70, 200), torch.randn(70) if biased else None, torch.randn(1, rows, 200)
    multiply = prepacked(weight, bias)
    if multiply is None:
        pytest.skip("this PyTorch has no oneDNN")
    expected = inputs.double() @ weight.double().T + (0 if bias is None else bias.double())
    torch.testing.assert_close(multiply(inputs).double(), expected, atol=1e-4, rtol=0)


def test_layers_give_up_their_weights_and_keep_their_numbers():
    import torch
    from transformers.pytorch_utils import Conv1D

    torch.manual_seed(0)
    layers = torch.nn.Sequential(torch.nn.Linear(30, 20), torch.nn.GELU(), Conv1D(10, 20), torch.nn.LayerNorm(10))
    inputs = torch.randn(5, 30)
    with torch.inference_mode():
        before = layers(inputs)
        prepack_layers(layers)
        torch.testing.assert_close(layers(inputs), before, atol=1e-5, rtol=0)
    if prepacked(torch.ones(1, 1), None) is not None:
        assert layers[0].weight is None
        assert layers[2].weight is None
    assert layers[3].weight is not None


def test_a_dtype_without_a_layout_stays_as_it_is():
    import torch

    assert prepacked(torch.ones(4, 4, dtype=torch.float64), None) is None
    layer = torch.nn.Sequential(torch.nn.Linear(4, 4).double())
    prepack_layers(layer)
    assert layer[0].weight is not None


FAULTS = """
import resource, sys
import torch
from dataselect.backends.allocator import keep_freed_memory
if sys.argv[1] == "kept":
    keep_freed_memory()
    keep_freed_memory()
def passes(n):
    for _ in range(n):
        torch.ones(3_000_000); torch.ones(2_000_000)
passes(3)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
passes(20)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="page faults are counted on Linux")
def test_freed_memory_is_used_again_without_a_page_fault():
    done = subprocess.run([sys.executable, "-c", FAULTS, "kept"], capture_output=True, text=True, check=True)
    # 20 passes over 20 MB are 98,000 pages; some thousand come when the kernel splits and joins huge ones
    assert int(done.stdout) < 9_800
