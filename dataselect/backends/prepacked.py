"""Linear layers of a CPU in the layout that oneDNN multiplies fastest, laid out once instead of at every call.

PyTorch hands float32 products to MKL, which keeps to AVX2 on processors that are not Intel's; oneDNN uses whatever the
processor has. On an AMD Zen 5 the same product takes less than half the time (benchmarks/LOG.md). Sums are still exact
float32 or bfloat16 products added up in float32: another order of additions, nothing less precise.

The layer's own weight is given up, so that it is held once. Where this PyTorch or this processor has no such layout
(float16 without its instructions, a build without oneDNN), layers stay as they are.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

_LIKELY_ROWS = 1024
"""Rows that the layout is chosen for; any number works."""

Linear = Callable[[Any], Any]
"""(..., inputs) to (..., outputs)."""


def prepacked(weight: Any, bias: Any) -> Linear | None:  # noqa: ANN401
    """A linear map on the CPU; None where there is no layout to choose.

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
    """Lay out every linear layer below a module; their weights are gone afterwards."""
    import torch
    from transformers.pytorch_utils import Conv1D

    for layer in model.modules():
        if type(layer) not in (torch.nn.Linear, Conv1D):
            continue
        weight = layer.weight.t() if isinstance(layer, Conv1D) else layer.weight
        if (forward := prepacked(weight, layer.bias)) is not None:
            layer.forward = forward
            layer.weight = None
