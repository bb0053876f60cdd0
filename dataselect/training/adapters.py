"""Low-rank adapters: the weights that get one, and those that stay unchanged.

    W' = W + (lora_alpha / lora_r) B A        for every matrix of the layers

Every linear layer has one, and so has every expert of a mixture: the weights of all experts are one tensor, which is no
linear layer, and PEFT adapts it expert by expert (`target_parameters`). Two kinds of linear layers have none: those
that return something else than the product, such as routers that return a pair, and those of a Mamba mixer after
`in_proj`, whose kernels read the weights past any adapter. Embeddings and head have none by design.

Weights of the layers that the adapters did not change are named after the training: PEFT leaves dense layers of some
mixtures out, and a vision tower sees no text.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from typing import Any

from dataselect.errors import DataselectError, UsageError
from dataselect.escaping import one_line
from dataselect.registry import require
from dataselect.training.config import TrainConfig

_READ_BY_KERNELS = ("x_proj", "dt_proj", "out_proj")
_MENTIONED = 0.01
"""Share of a model's weights above which unchanged ones are reported."""

_NAMED = 4
"""Most names in a warning."""


def with_adapters(model: Any, config: TrainConfig) -> Any:  # noqa: ANN401 - transformers' and PEFT's model
    """Return the model with fresh adapters, its own weights frozen.

    Raises:
        UsageError: If it is a mixture of experts and adapters are to have dropout.
        DataselectError: If PEFT cannot put adapters on it.
    """
    peft = require("peft", "train")
    experts = list(_of_experts(model))
    if experts and config.lora_dropout:
        raise UsageError(
            f"lora_dropout {config.lora_dropout}, but adapters of experts have no dropout", "set lora_dropout to 0"
        )
    settings = peft.LoraConfig(
        task_type="CAUSAL_LM",
        target_modules="all-linear",
        exclude_modules=list(_not_to_adapt(model)) or None,
        target_parameters=experts or None,
        r=config.lora_r,
        lora_alpha=config.lora_alpha,
        lora_dropout=config.lora_dropout,
    )
    try:
        with warnings.catch_warnings():  # of names that PEFT itself put into the settings, and did not find
            warnings.simplefilter("ignore", RuntimeWarning)
            return peft.get_peft_model(model, settings)
    except ValueError as error:
        raise DataselectError(
            f"PEFT cannot put adapters on this model: {one_line(error)}", "train all weights, without lora"
        ) from None


def _not_to_adapt(model: Any) -> Iterator[str]:  # noqa: ANN401
    """Yield the names of linear layers whose adapter would not be called, or would compute something else."""
    from torch.nn import Linear

    for name, module in model.named_modules():
        if isinstance(module, Linear) and not _is_product(module):
            yield name
        if hasattr(module, "A_log") and hasattr(module, "D"):
            yield from (f"{name}.{part}" for part in _READ_BY_KERNELS if hasattr(module, part))


def _is_product(linear: Any) -> bool:  # noqa: ANN401
    """Return whether a linear layer computes the product with its weights, whatever its class."""
    import torch
    from torch.nn import Linear

    if type(linear).forward is Linear.forward:
        return True
    given = torch.ones(1, linear.in_features, dtype=linear.weight.dtype, device=linear.weight.device)
    with torch.no_grad():
        expected = Linear.forward(linear, given)
        try:
            found = linear(given)
        except (RuntimeError, ValueError):
            return False
    return isinstance(found, torch.Tensor) and found.shape == expected.shape and torch.allclose(found, expected)


def _of_experts(model: Any) -> Iterator[str]:  # noqa: ANN401
    """Yield the names of tensors that hold one matrix per expert of a layer."""
    for name, module in model.named_modules():
        if "expert" in name.lower() or "expert" in type(module).__name__.lower():
            for own, weights in module.named_parameters(recurse=False):
                if weights.dim() == 3:
                    yield f"{name}.{own}"


def untouched(model: Any) -> list[str]:  # noqa: ANN401
    """Return warnings about matrices of the layers that a training with adapters did not change.

    Args:
        model: Just trained; one without adapters gives none.
    """
    if not hasattr(model, "peft_config"):
        return []
    base = model.get_base_model()
    changed = {id(weights) for weights in _changed(base)} | {id(weights) for weights in _embeddings(base)}
    own = {name: weights for name, weights in base.named_parameters() if "lora_" not in name}
    still: dict[str, int] = {}
    for name, weights in own.items():
        if weights.dim() > 1 and id(weights) not in changed:
            kind = re.sub(r"\.\d+(?=\.)", ".*", name.replace(".base_layer", ""))
            still[kind] = still.get(kind, 0) + weights.numel()
    share = sum(still.values()) / sum(weights.numel() for weights in own.values())
    if share < _MENTIONED:
        return []
    named = sorted(still, key=lambda kind: -still[kind])[:_NAMED]
    more = f" and {len(still) - _NAMED} more" if len(still) > _NAMED else ""
    return [f"no adapter changed {', '.join(named)}{more}: {share:.1%} of the weights stay as they were"]


def _changed(base: Any) -> Iterator[Any]:  # noqa: ANN401
    """Yield the weights whose adapter is no longer 0; B is 0 until its first gradient."""
    for module in base.modules():
        if hasattr(module, "lora_A") and any(bool(b.weight.any()) for b in module.lora_B.values()):
            yield module.get_param() if hasattr(module, "parameter_name") else module.get_base_layer().weight


def _embeddings(base: Any) -> Iterator[Any]:  # noqa: ANN401
    """Yield the weights of embeddings and head."""
    from torch.nn import Embedding

    head = base.get_output_embeddings()
    for module in base.modules():
        if isinstance(module, Embedding) or module is head:
            yield from module.parameters()
