"""The training run: a selection and a base model in, a model folder with its manifest out.

The model is loaded only if there is something left to do, and nothing of the new model stands in the folder under its
own name before all of it is written. A training that was stopped is done again from its beginning.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from dataselect.arguments import checked
from dataselect.backends.memory import release_memory
from dataselect.errors import UsageError
from dataselect.library_errors import user_errors
from dataselect.models import model_digest, read_model_config, resolve_model, stated_positions
from dataselect.pool import PoolReader, Renderer
from dataselect.progress import measured
from dataselect.stage import FinishedStage, Overwrite, StageDirectory, recorded_options, run_stage
from dataselect.stage.beside import without_places
from dataselect.training.adapters import untouched
from dataselect.training.config import TrainConfig
from dataselect.training.loop import FIXED, Progress, Step, TrainOutcome, check_tracker, fit
from dataselect.training.model import dropout_of, load_trainable, save_model, training_dtype
from dataselect.training.rows import TrainSet, make_train_set
from dataselect.training.selection import read_selection, resolve_rendering, tokenizer_warnings


@dataclass(frozen=True, slots=True)
class TrainRequest:
    """One training run.

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
    overwrite: Overwrite = False

    def __post_init__(self) -> None:
        checked(self)


@dataclass(frozen=True, slots=True)
class TrainSummary:
    """The outcome of a training run.

    Attributes:
        out: The model folder.
        rows: Examples trained on.
        left_out: Number of other examples per reason: a status, or what made them unreadable.
        trained_tokens: Response and end-of-turn tokens in one pass over the selection.
        steps: Optimiser steps.
        final_loss: Mean NLL of the trained tokens of the last step, before its update, in nats.
        wall_seconds: Time in the training loop.
        tokens_per_second: Tokens seen, prompts included, per second of that.
        warnings: What to know before comparing this model with others.
        fresh: False if the directory was finished before and nothing was done.
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
        """Read the summary from a manifest, so that a finished training gives the same as a fresh one."""
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
        """The summary in one line."""
        out = sum(self.left_out.values())
        reasons = ", ".join(f"{number} {reason}" for reason, number in self.left_out.items())
        missing = f", {out} left out ({reasons})" if out else ""
        what = f"{self.out}: {self.rows} rows{missing}, {self.trained_tokens} trained tokens per pass"
        how = f"{self.steps} steps, final loss {self.final_loss:.4f}, {self.tokens_per_second:.0f} tokens/s"
        return f"{what}, {how}" if self.fresh else f"{what}, {how} (finished before)"


@user_errors()
def train(request: TrainRequest, progress: Progress = lambda step: None) -> TrainSummary:
    """Fine-tune a model on a selection, into a stage directory that is a model folder in the end.

    Args:
        progress: Called after each optimiser step.

    Raises:
        UsageError: If a flag contradicts the selection's manifest, or a setting cannot be used.
        DataselectError: If file, model or directory cannot be used, nothing can be trained on, or training diverges.
    """
    try:
        return run_stage(TrainRun(request, progress), request.out, request.overwrite)
    finally:
        release_memory()


class TrainRun:
    """`dataselect train`: a checked request, before its model is loaded."""

    name = "train"

    def __init__(self, request: TrainRequest, progress: Progress) -> None:
        self._request, self._config, self._progress = request, request.config, progress
        check_tracker(self._config.report_to)
        self._selection = read_selection(request.file)
        self._base = resolve_model(request.model)
        if request.out.exists() and request.out.resolve() == self._base.resolve():
            raise UsageError(f"--out {request.out} is the folder of the model itself", "choose another --out")
        options, warnings = resolve_rendering(self._selection, request.rendering, stated_positions(self._base))
        self._renderer = Renderer(self._base, options.resumed(request.out, request.overwrite))
        self._rendering = self._renderer.settings()
        self._warnings = [*warnings, *tokenizer_warnings(self._selection, self._rendering["tokenizer_sha256"])]
        self._reader = PoolReader([str(request.file)], self._selection.columns)
        self._dtype = training_dtype(self._config.dtype)

    @property
    def fingerprint(self) -> Mapping[str, Any]:
        """Everything that the trained weights depend on."""
        return {
            "selection": [source["sha256"] for source in self._reader.inputs],
            "run": without_places(self._selection.run(0, self._config.seed)),
            "model": model_digest(self._base),
            "training": {**self._config.recipe(), "dtype": self._dtype},
            "rendering": self._rendering,
        }

    @property
    def options(self) -> Mapping[str, Any]:
        """All options."""
        return recorded_options(self._request)

    def run(self, directory: StageDirectory) -> Mapping[str, Any]:
        """Train, write the model, and return the manifest."""
        train_set = make_train_set(self._reader, self._renderer)
        with measured("train", "steps") as meter:

            def stepped(step: Step) -> None:
                meter.reach(step.step, step.of, f"loss {step.loss:.3f}")
                self._progress(step)

            model = load_trainable(self._base, self._config, self._dtype)
            trained = fit(model, train_set, self._config, self._dtype, directory, stepped)
        self._warnings += untouched(model)
        with user_errors(f"cannot write the model to {directory.path}"):
            save_model(
                model,
                base=self._base,
                name=self._request.model,
                renderer=self._renderer,
                ends=train_set.ends,
                dtype=self._dtype,
                target=directory.scratch,
            )
            directory.adopt(directory.scratch)
        return self._manifest(train_set, trained, directory.wall_seconds)

    def result(self, finished: FinishedStage, fresh: bool) -> TrainSummary:
        """Read the summary from the manifest."""
        return TrainSummary.of_manifest(finished.path, finished.manifest, fresh)

    def _manifest(self, train_set: TrainSet, trained: TrainOutcome, wall_seconds: float) -> Mapping[str, Any]:
        return {
            "stage": "train",
            "run": self._selection.run(train_set.examples, self._config.seed),
            "selection": self._selection.manifest,
            "inputs": self._reader.inputs,
            "model": self._request.model,
            "training": {
                **asdict(self._config),
                "fixed": FIXED,
                "dropout_off": {} if self._config.dropout else dropout_of(read_model_config(self._base)),
                "end_tokens": self._renderer.tokenizer.convert_ids_to_tokens(train_set.ends.tokens),
                "dtype": self._dtype,
                "steps": trained.steps,
                "final_loss": trained.final_loss,
                "tokens_seen": trained.tokens,
                "training_seconds": round(trained.seconds, 3),
            },
            "rendering": self._rendering,
            "counts": train_set.counts(),
            "warnings": [*self._warnings, *train_set.ends.warnings, *self._reader.notes, *train_set.lost],
            "unread_columns": self._reader.unread,
            "seed": self._config.seed,
            "wall_seconds": wall_seconds,
            "tokens_per_second": round(trained.tokens / trained.seconds, 1),
        }
