"""The training run: a selection and a base model in, a model folder with its manifest out.

The model is loaded only if there is something left to do, and nothing of the new model stands in the folder under its
own name before all of it is written. A training that was stopped is done again from its beginning.
"""

from __future__ import annotations

import shutil
import time
from dataclasses import asdict
from typing import Any

from dataselect.artifacts import MANIFEST, StageDirectory, read_json
from dataselect.bundled.resolve import model_digest, resolve_model
from dataselect.errors import DataselectError, UsageError
from dataselect.model_config import max_positions
from dataselect.pool import PoolReader, Renderer
from dataselect.provenance import environment
from dataselect.training.loop import LOG, TRACKER_FOLDER, Progress, Trained, check_tracker, fit
from dataselect.training.model import OWN, load_trainable, move_into_place, save_model, training_dtype
from dataselect.training.request import TrainRequest, TrainSummary
from dataselect.training.rows import TrainSet, make_train_set
from dataselect.training.selection import read_selection, resolve_rendering, tokenizer_warnings


def train(request: TrainRequest, progress: Progress = lambda step: None) -> TrainSummary:
    """Fine-tune a model on a selection, into a stage directory that is a model folder in the end.

    Args:
        progress: Called after each optimiser step.

    Raises:
        UsageError: If a flag contradicts the selection's manifest, or a setting cannot be used.
        DataselectError: If file, model or directory cannot be used, nothing can be trained on, or training diverges.
    """
    run = _Run(request)
    with StageDirectory(
        request.out,
        run.fingerprint,
        run.options(),
        own=(*OWN, LOG, f"{TRACKER_FOLDER}/**/*"),
        overwrite=request.overwrite,
    ) as stage:
        fresh = not stage.finished
        if fresh:
            stage.finish(run.work(progress))
        return TrainSummary.of_manifest(request.out, read_json(request.out / MANIFEST), fresh)


class _Run:
    """One training run, from its request to its manifest."""

    def __init__(self, request: TrainRequest) -> None:
        self._request, self._config = request, request.config
        check_tracker(self._config.report_to)
        self._selection = read_selection(request.file)
        self._base = resolve_model(request.model)
        if request.out.exists() and request.out.resolve() == self._base.resolve():
            raise UsageError(f"--out {request.out} is the folder of the model itself", "choose another --out")
        most = max_positions(self._base) - 1
        options, warnings = resolve_rendering(self._selection, request.rendering, most)
        self._renderer = Renderer(self._base, options)
        self._rendering = self._renderer.settings()
        self._warnings = [*warnings, *tokenizer_warnings(self._selection, self._rendering["tokenizer_sha256"])]
        self._reader = PoolReader([str(request.file)], self._selection.columns)
        self._dtype = training_dtype(self._config.dtype)
        self.fingerprint = {
            "selection": [source["sha256"] for source in self._reader.inputs],
            "run": self._selection.run(0, self._config.seed),
            "model": model_digest(self._base),
            "training": {**self._config.recipe(), "dtype": self._dtype},
            "rendering": self._rendering,
        }

    def options(self) -> dict[str, Any]:
        return {**asdict(self._request), "overwrite": None}

    def work(self, progress: Progress) -> dict[str, Any]:
        began = time.perf_counter()
        train_set = make_train_set(self._reader, self._renderer)
        model = load_trainable(self._base, self._config, self._dtype)
        out = self._request.out
        trained = fit(model, train_set, self._config, self._dtype, out, progress)
        if not any((out / TRACKER_FOLDER).rglob("*")):
            shutil.rmtree(out / TRACKER_FOLDER, ignore_errors=True)
        try:
            save_model(model, self._base, self._request.model, self._renderer, self._dtype, out)
            move_into_place(out)
        except OSError as error:
            raise DataselectError(f"the model cannot be written to {out}: {error}", "check rights and space") from None
        return self._manifest(train_set, trained, time.perf_counter() - began)

    def _manifest(self, train_set: TrainSet, trained: Trained, wall_seconds: float) -> dict[str, Any]:
        return {
            "stage": "train",
            "run": self._selection.run(train_set.examples, self._config.seed),
            "selection": self._selection.manifest,
            "inputs": self._reader.inputs,
            "model": self._request.model,
            "training": {
                **asdict(self._config),
                "dtype": self._dtype,
                "steps": trained.steps,
                "final_loss": trained.final_loss,
                "tokens_seen": trained.tokens,
                "training_seconds": round(trained.seconds, 3),
            },
            "rendering": self._rendering,
            "counts": train_set.counts(),
            "warnings": self._warnings,
            "seed": self._config.seed,
            "wall_seconds": round(wall_seconds, 3),
            "tokens_per_second": round(trained.tokens / trained.seconds, 1),
            "environment": environment(),
        }
