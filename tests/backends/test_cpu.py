"""Pieces of work side by side: all done, in order, each by its share of the cores, and nothing is left changed.

Linear layers laid out for oneDNN, and memory that stays with the process.
"""

from __future__ import annotations

import subprocess
import sys
import threading

import pytest

from dataselect.backends.cpu import prepack_layers, prepacked, side_by_side


@pytest.fixture
def four_cores():
    """As on a machine with four: how many there are is PyTorch's own setting."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(4)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize(("lanes", "share"), [(1, 4), (2, 2), (4, 1), (9, 1)])
def test_pieces_come_in_order_and_cores_are_divided_among_the_lanes(four_cores, lanes, share):
    import torch

    def work(piece):
        return piece, torch.get_num_threads(), threading.get_ident(), torch.is_inference_mode_enabled()

    done = list(side_by_side(work, range(20), lanes))
    assert [one[0] for one in done] == list(range(20))
    assert {one[1] for one in done} == {share}
    assert {one[3] for one in done} == {True}
    assert (threading.get_ident() in {one[2] for one in done}) == (lanes == 1)
    assert torch.get_num_threads() == 4


def test_pieces_are_in_work_at_the_same_time(four_cores):
    together = threading.Barrier(2, timeout=20)
    assert list(side_by_side(lambda piece: together.wait() >= 0, range(4), 2)) == [True] * 4


def test_an_error_is_the_callers_and_the_cores_come_back(four_cores):
    import torch

    def work(piece):
        if piece == 1:
            raise RuntimeError("no more")
        return piece

    with pytest.raises(RuntimeError, match="no more"):
        list(side_by_side(work, range(50), 2))
    assert torch.get_num_threads() == 4


def test_threads_that_come_later_have_all_cores(four_cores):
    import torch

    list(side_by_side(lambda piece: piece, range(4), 4))
    found = []
    later = threading.Thread(target=lambda: found.append(torch.get_num_threads()))
    later.start()
    later.join()
    assert found == [4]


def test_nothing_to_do_is_nothing(four_cores):
    assert list(side_by_side(lambda piece: piece, [], 4)) == []


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
from dataselect.backends.cpu import keep_freed_memory
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
