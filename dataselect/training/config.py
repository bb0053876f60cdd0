"""The recipe of one training, and where its settings come from.

The defaults suit models up to about a billion parameters on some thousand examples. They are the same for every
selection of a comparison, which matters more than that they are the best for any of them.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from dataselect.config import build, load_yaml


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainConfig:
    """Settings of the SFT step. The keys of `--config YAML` are these fields."""

    epochs: float = 3.0
    """Passes over the selection. Equal epochs mean equal examples seen; for equal work across budgets use max_steps."""

    max_steps: int | None = None
    """Optimiser steps; overrides epochs. The selection is repeated if it is shorter."""

    learning_rate: float = 1e-4
    """Peak rate of AdamW. Full fine-tuning of 7B models usually wants 1e-5 to 2e-5, LoRA 1e-4 to 2e-4."""

    batch_size: int = 16
    """Rows per optimiser step, whatever the memory."""

    micro_batch_size: int = 8
    """Most rows per forward pass; the gradients of one step are summed over as many passes as that takes. Changes
    memory and speed only: the loss of a step is the mean over its trained tokens however the step is cut."""

    warmup_ratio: float = 0.05
    """Share of the steps, rounded down, in which the rate rises from 0 to its peak; none in trainings under 20 steps,
    since the first step of a warm-up has the rate 0."""

    scheduler: Literal["cosine", "linear", "constant"] = "cosine"
    """How the rate falls after the warm-up: to 0 along a cosine or a line, or not at all."""

    weight_decay: float = 0.0
    """Decoupled weight decay of AdamW. Short fine-tunings rarely gain from it."""

    max_grad_norm: float = 1.0
    """Gradients of a step are scaled down to this length (of all weights together) where they are longer; 0 for no
    clipping."""

    dtype: Literal["auto", "float32", "bfloat16"] = "auto"
    """auto: float32 on CPU, bfloat16 on GPU. With bfloat16 the arithmetic is in bfloat16 over float32 weights (LoRA:
    over a frozen bfloat16 base), and the model is saved in bfloat16; with float32 everything is float32."""

    dropout: bool = False
    """Whether the dropout that the base's config.json asks for is kept. Without it the first loss is what evaluation
    finds; the manifest names what was turned off."""

    lora: bool = False
    """Train low-rank adapters on all linear layers and experts, not all weights. They are merged before saving."""

    lora_r: int = 16
    """Rank of the adapters."""

    lora_alpha: int = 32
    """Scale of the adapters: their product is multiplied by lora_alpha / lora_r."""

    lora_dropout: float = 0.0
    """Dropout before the adapters."""

    seed: int = 0
    """Seeds the order of the data, the adapters and any dropout."""

    report_to: str = "none"
    """An experiment tracker that transformers knows, such as tensorboard, wandb or mlflow; passed through."""

    def __post_init__(self) -> None:
        """Refuse values that no training can use, all of them together."""
        positive = ("epochs", "learning_rate", "batch_size", "micro_batch_size", "lora_r", "lora_alpha")
        faults = [
            f"{name} should be above 0, got {getattr(self, name)}" for name in positive if not self._positive(name)
        ]
        if self.max_steps is not None and self.max_steps < 1:
            faults.append(f"max_steps should be at least 1, got {self.max_steps}")
        for name in ("warmup_ratio", "lora_dropout"):
            if not 0 <= getattr(self, name) < 1:
                faults.append(f"{name} should be at least 0 and below 1, got {getattr(self, name)}")
        for name in ("weight_decay", "max_grad_norm"):
            if not 0 <= getattr(self, name) < float("inf"):
                faults.append(f"{name} should be at least 0, got {getattr(self, name)}")
        if not 0 <= self.seed < 2**32:
            faults.append(f"seed should be a whole number from 0 to 2^32 - 1, got {self.seed}")
        if faults:
            raise ValueError("; ".join(faults))

    def _positive(self, name: str) -> bool:
        return bool(0 < getattr(self, name) < float("inf"))

    @property
    def rows_per_pass(self) -> int:
        """Rows per forward pass: the largest divisor of `batch_size` that `micro_batch_size` allows."""
        most = min(self.micro_batch_size, self.batch_size)
        return next(rows for rows in range(most, 0, -1) if self.batch_size % rows == 0)

    def num_steps(self, rows: int) -> int:
        """Optimiser steps of a training on so many rows."""
        return self.max_steps or math.ceil(self.epochs * math.ceil(rows / self.batch_size))

    def recipe(self) -> dict[str, Any]:
        """The settings that the weights depend on, for the fingerprint."""
        return {name: value for name, value in dataclasses.asdict(self).items() if name != "report_to"}


def resolve_config(path: Path | None, overrides: Mapping[str, Any]) -> TrainConfig:
    """Put a recipe together: defaults, then a YAML file, then single settings.

    Args:
        path: YAML file with fields of `TrainConfig`; None for none.
        overrides: Fields given one by one, such as on the command line.

    Raises:
        ConfigError: With every fault found.
    """
    values = load_yaml(path) if path is not None else {}
    origin = str(path) if path is not None else "the training configuration"
    return build(TrainConfig, {**values, **overrides}, origin)
