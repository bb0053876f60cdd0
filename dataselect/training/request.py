"""What a training is asked for and what it answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dataselect.training.config import TrainConfig


@dataclass(frozen=True, slots=True)
class TrainRequest:
    """What to train, on what, and where to.

    Attributes:
        file: The selection, or any file of SFT records.
        model: `builtin`, a model folder or a hub id.
        out: The stage directory, a model folder in the end.
        config: The recipe.
        rendering: Those fields of `RenderOptions` that were given; the others come from the selection's manifest.
        overwrite: Remove this stage's own files first.
    """

    file: Path
    model: str
    out: Path
    config: TrainConfig = field(default_factory=TrainConfig)
    rendering: Mapping[str, Any] = field(default_factory=dict)
    overwrite: bool = False


@dataclass(frozen=True, slots=True)
class TrainSummary:
    """What a training ended with.

    Attributes:
        out: The model folder.
        rows: Examples trained on.
        left_out: Number of examples per reason that were not: a status, or what made them unreadable.
        trained_tokens: Response and end-of-turn tokens in one pass over the selection.
        steps: Optimiser steps.
        final_loss: Mean NLL of the trained tokens of the last step, before its update, in nats.
        wall_seconds: Time in the training loop.
        tokens_per_second: Tokens seen, prompts included, per second of that.
        warnings: What the user should know before comparing this model with others.
        fresh: False if the directory was finished already and nothing was done.
    """

    out: Path
    rows: int
    left_out: Mapping[str, int]
    trained_tokens: int
    steps: int
    final_loss: float
    wall_seconds: float
    tokens_per_second: float
    warnings: tuple[str, ...]
    fresh: bool

    @classmethod
    def of_manifest(cls, out: Path, manifest: Mapping[str, Any], fresh: bool) -> TrainSummary:
        """Read the summary off a manifest, so that a finished training answers as a fresh one does."""
        counts, training = manifest["counts"], manifest["training"]
        return cls(
            out=out,
            rows=counts["rows"],
            left_out=counts["left_out"],
            trained_tokens=counts["trained_tokens"],
            steps=training["steps"],
            final_loss=training["final_loss"],
            wall_seconds=manifest["wall_seconds"],
            tokens_per_second=manifest["tokens_per_second"],
            warnings=tuple(manifest["warnings"]),
            fresh=fresh,
        )

    @property
    def line(self) -> str:
        """The summary in one line, for people."""
        out = sum(self.left_out.values())
        reasons = ", ".join(f"{number} {reason}" for reason, number in self.left_out.items())
        missing = f", {out} left out ({reasons})" if out else ""
        what = f"{self.out}: {self.rows} rows{missing}, {self.trained_tokens} trained tokens per pass"
        how = f"{self.steps} steps, final loss {self.final_loss:.4f}, {self.tokens_per_second:.0f} tokens/s"
        return f"{what}, {how}" if self.fresh else f"{what}, {how} (finished before)"
