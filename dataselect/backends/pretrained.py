"""Load a causal language model from a folder, whole or not at all.

transformers fills weights that a checkpoint lacks with random numbers and only warns; a model with a random layer
scores like one that works. Here that is an error. Pickled weights and remote code are never used.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dataselect.errors import DataselectError
from dataselect.quiet import quiet_transformers

_HINT = "it must be a causal language model with safetensors weights"


def load_pretrained(folder: Path, dtype: Any) -> Any:  # noqa: ANN401 - a torch dtype, a transformers model
    """The model in a folder, with the weights that stand there and no others.

    Raises:
        DataselectError: If it cannot be loaded, or the folder lacks some of its weights.
    """
    from safetensors import SafetensorError
    from transformers import AutoModelForCausalLM

    quiet_transformers()
    try:
        model, found = AutoModelForCausalLM.from_pretrained(
            str(folder), dtype=dtype, trust_remote_code=False, use_safetensors=True, output_loading_info=True
        )
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
        told = " ".join(str(error).split())[:300]
        raise DataselectError(f"the model in {folder} cannot be loaded: {told}", _HINT) from None
    lacking = sorted(map(str, (*found["missing_keys"], *found["mismatched_keys"])))
    if lacking:
        more = f" and {len(lacking) - 1} more" if len(lacking) > 1 else ""
        raise DataselectError(
            f"the model in {folder} lacks weights that its config.json speaks of: {lacking[0]}{more}",
            "the folder is incomplete, or config.json belongs to another model",
        )
    return model
