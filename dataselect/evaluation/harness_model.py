"""The model as lm-evaluation-harness runs it: its transformers class on the same folder, dtype and limit.

Its vLLM class is not used, since it does not find the CPU build of vLLM. The price is speed on tasks that generate.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dataselect.quiet import quiet_transformers
from dataselect.registry import require

_BATCH_ROWS = 16


def load_harness_model(path: Path, dtype: str, max_length: int) -> Any:  # noqa: ANN401
    """Load a model into the harness.

    Args:
        path: Model folder.
        dtype: Resolved dtype; the softmax is taken in float32 in any case.
        max_length: Longest sequence.
    """
    require("lm_eval", "eval")
    import torch
    from lm_eval.models.huggingface import HFLM

    quiet_transformers()
    return HFLM(
        str(path),
        backend="causal",
        dtype=dtype,
        softmax_dtype="float32",
        device="cuda" if torch.cuda.is_available() else "cpu",
        batch_size=_BATCH_ROWS,
        max_length=max_length,
    )
