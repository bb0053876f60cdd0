"""The layers run: models in, `layers.json` and a page out.

One tuned model after the other, tensor by tensor, so that no model is ever in memory as a whole; only representations,
which are off by default, load the models. A finished folder is answered from its file.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from dataselect.artifacts import MANIFEST, StageDirectory, file_digest, read_json, write_json
from dataselect.bundled.resolve import model_digest, resolve_model
from dataselect.errors import ArtifactError, DataselectError, UsageError
from dataselect.layers.checkpoint import Checkpoint
from dataselect.layers.compare import compare_run
from dataselect.layers.correlate import correlate
from dataselect.layers.document import correlation_part, curve, document, representation_part, run_part
from dataselect.layers.gains import Gains, read_gains
from dataselect.layers.request import LayersRequest, LayersSummary
from dataselect.pool import PoolReader, Renderer
from dataselect.provenance import environment
from dataselect.reports.html import check_html
from dataselect.reports.layers_page import write_layers_html

LAYERS, PAGE = "layers.json", "layers.html"

Say = Callable[[str], None]
"""Called with one line for people whenever a step begins."""


def layers(request: LayersRequest, say: Say = lambda line: None) -> LayersSummary:
    """Compare the weights of tuned models with those of their base, into a stage directory.

    Raises:
        UsageError: If a model is given twice or is the base itself.
        DataselectError: If models, gains, pool or directory cannot be used.
    """
    check_html()
    run = _Run(request, say)
    with StageDirectory(request.out, run.fingerprint, request.options(), (LAYERS, PAGE), request.overwrite) as stage:
        fresh = not stage.finished
        if fresh:
            began = time.perf_counter()
            write_json(request.out / LAYERS, run.work())
            write_layers_html(read_json(request.out / LAYERS), request.out / PAGE)
            stage.finish(
                {"stage": "layers", "base": request.base, "tuned": dict(request.tuned), "seed": request.seed,
                 "wall_seconds": round(time.perf_counter() - began, 3), "environment": environment()}
            )  # fmt: skip
        return LayersSummary(request.out, read_json(request.out / LAYERS), fresh)


class _Run:
    """One comparison, from its request to its document."""

    def __init__(self, request: LayersRequest, say: Say) -> None:
        self._request, self._say = request, say
        self._base = _folder(request.base)
        self._called = self._base.name if Path(request.base).is_dir() else request.base
        self._tuned = {name: _tuned_folder(path) for name, path in request.tuned}
        if len(self._tuned) < len(request.tuned):
            raise UsageError("two of the models have the same name", "tell them apart with NAME=DIR")
        self._digests = {name: model_digest(path) for name, path in self._tuned.items()}
        self._base_digest = model_digest(self._base)
        own = next((name for name, found in self._digests.items() if found == self._base_digest), None)
        if own is not None:
            raise UsageError(f"{own} is the base itself", "give models that were tuned from it")
        self._joined = _joined(request.joined, set(self._tuned))
        self._reader: PoolReader | None = None
        self._renderer: Renderer | None = None
        if request.pool:
            self._reader = PoolReader(request.pool, request.columns, request.prefix_ids, request.limit)
            self._renderer = Renderer(self._base, request.rendering)
        self._gains = read_gains(request.gains, self._evaluated(), self._base_digest) if request.gains else []

    def _evaluated(self) -> dict[str, str]:
        """Digest of the model that was evaluated as each run; an adapter beside its merged model goes by that.

        Empty for runs of another base, whose evaluations have no gain over this one.
        """
        theirs = {run["name"]: run["digest"] if run["base_digest"] == self._base_digest else "" for run in self._joined}
        merged = {
            name: model_digest(path.parent)
            for name, path in self._tuned.items()
            if path.name == "adapter" and (path.parent / "config.json").exists()
        }
        return {**self._digests, **merged, **theirs}

    @property
    def fingerprint(self) -> dict[str, Any]:
        request = self._request
        return {
            "base": self._base_digest,
            "tuned": self._digests,
            "joined": [file_digest(path / LAYERS) for path in request.joined],
            "gains": {one.outcome: dict(one.by_run) for one in self._gains},
            "spectra": request.spectra,
            "pool": self._reader.inputs if self._reader else None,
            "limit": request.limit if self._reader else None,
            "rendering": self._renderer.settings() if self._renderer else None,
            "seed": request.seed,
        }

    def work(self) -> dict[str, Any]:
        request = self._request
        base = Checkpoint(self._base)
        runs = []
        for name, folder in self._tuned.items():
            self._say(f"compare {name} with {self._called}")
            found = run_part(compare_run(base, name, folder, request.spectra))
            known = {"digest": self._digests[name], "base": self._called, "base_digest": self._base_digest}
            runs.append({**found, **known})
        runs += self._joined
        layered = {run["name"]: run for run in runs if run["layers"]}
        correlations = [self._correlation(one, layered) for one in self._gains]
        return document(self._called, request, runs, [one for one in correlations if one], self._representations())

    def _correlation(self, gains: Gains, runs: Mapping[str, Any]) -> dict[str, Any] | None:
        names = [name for name in runs if name in gains.by_run]
        if not names:
            return None
        curves = [curve(runs[name]) for name in names]
        whole = np.array([runs[name]["relative_change"] or 0.0 for name in names])
        values = np.array([gains.by_run[name] for name in names])
        found = correlate(gains.outcome, names, curves, whole, values, self._request.seed)
        missing = [name for name in runs if name not in gains.by_run]
        return correlation_part(found, dict(zip(names, values.tolist(), strict=True)), missing)

    def _representations(self) -> dict[str, Any] | None:
        from dataselect.layers.representations import dimensions, read_texts

        if self._reader is None or self._renderer is None:
            return None
        texts = read_texts(self._reader, self._renderer)
        found = {}
        for name, folder in (("base", None), *self._tuned.items()):
            self._say(f"representations of {len(texts):,} texts: {name}")
            found[name] = dimensions(self._base, folder, texts, self._request.seed)
        return representation_part(len(texts), found)


def _folder(name: str) -> Path:
    """The folder of a model, which here needs no tokenizer."""
    return Path(name) if Path(name).is_dir() else resolve_model(name)


def _tuned_folder(name: str) -> Path:
    path = _folder(name)
    if (path / "run.json").exists() and not (path / MANIFEST).exists():
        raise ArtifactError(f"the training in {path} is not finished", "finish it with the same command")
    return path


def _joined(folders: tuple[Path, ...], taken: set[str]) -> list[dict[str, Any]]:
    """The runs of earlier comparisons, without their tensors."""
    found: list[dict[str, Any]] = []
    for folder in folders:
        earlier = read_json(folder / LAYERS)
        if not isinstance(earlier, dict) or earlier.get("kind") != "layers":
            raise ArtifactError(f"{folder} is no folder of dataselect layers", "give the --out folder of a run of it")
        for run in earlier["runs"]:
            if run["name"] in taken:
                raise DataselectError(f"{folder} has a run {run['name']}, which is here too", "name it with NAME=DIR")
            taken.add(run["name"])
            found.append({**run, "tensors": []})
    return found
