"""`layers`: models in, `layers.json` and a page out.

One tuned model after the other, tensor by tensor, so that no model is ever in memory as a whole; only representations,
which are off by default, load the models.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from dataselect.arguments import checked
from dataselect.artifacts import file_digest, read_json
from dataselect.errors import DataselectError, UsageError
from dataselect.layers.checkpoints import Checkpoint
from dataselect.layers.compare import compare_run
from dataselect.layers.correlation import (
    WITH_INTERVAL,
    RunGroup,
    TrainedOn,
    correlate,
    groups,
    mean_curve,
    read_trained,
)
from dataselect.layers.document import apart_part, correlation_part, curve, document, representation_part, run_part
from dataselect.layers.gains import Gains, read_gains, read_trained_on
from dataselect.library_errors import user_errors
from dataselect.models import model_digest, resolve_model
from dataselect.pool import ColumnMap, PoolReader, Renderer, RenderOptions
from dataselect.progress import measured
from dataselect.reports.html import render_html
from dataselect.reports.layers_page import layers_report
from dataselect.stage import (
    FinishedStage,
    Overwrite,
    StageDirectory,
    is_stage,
    read_finished,
    recorded_options,
    run_stage,
)

LAYERS, PAGE = "layers.json", "layers.html"
TEXTS = 1000
"""Examples that representations are taken of, by default."""

TRAINED = ("strategy", "budget")
"""Keys of a run in `layers.json`: the fields of `TrainedOn`."""

Say = Callable[[str], None]
"""Called with one line for people whenever a step begins."""


@dataclass(frozen=True, slots=True)
class LayersRequest:
    """The models to compare, and their base.

    Attributes:
        base: `builtin`, a model folder or a hub id.
        tuned: (name, folder) of each model folder or LoRA adapter folder.
        out: The stage directory.
        spectra: Whether to compute the singular values of the changes.
        gains: A CSV of run and gain, or folders of evaluated runs.
        joined: Folders of earlier comparisons, with other bases too, whose runs join the maps and the correlation.
        pool: Pools whose texts the representations are taken of; none without.
        limit: Most records read of each, the first ones.
        sample_seed: Draw the records of the limit by chance instead; None for the first ones.
        seed: Of all resampling.
        overwrite: Remove this stage's own files first.
    """

    base: str
    tuned: tuple[tuple[str, str], ...]
    out: Path
    spectra: bool = True
    gains: tuple[Path, ...] = ()
    joined: tuple[Path, ...] = ()
    pool: tuple[str, ...] = ()
    limit: int = TEXTS
    sample_seed: int | None = None
    prefix_ids: bool = False
    rendering: RenderOptions = field(default_factory=RenderOptions)
    columns: ColumnMap = field(default_factory=ColumnMap)
    seed: int = 0
    overwrite: Overwrite = False

    def __post_init__(self) -> None:
        checked(self)


@dataclass(frozen=True, slots=True)
class LayersSummary:
    """The result of a comparison.

    Attributes:
        document: The content of `layers.json`.
        fresh: False if the directory was finished already and nothing was done.
    """

    out: Path
    document: Mapping[str, Any]
    fresh: bool


@user_errors()
def layers(request: LayersRequest, say: Say = lambda line: None) -> LayersSummary:
    """Compare the weights of tuned models with those of their base, into a stage directory.

    Raises:
        UsageError: If a model is given twice or is the base itself.
        DataselectError: If models, gains, pool or directory cannot be used.
    """
    return run_stage(WeightComparison(request, say), request.out, request.overwrite)


class WeightComparison:
    """`dataselect layers`: the models of a request, what they were trained on and what they gained."""

    name = "layers"

    def __init__(self, request: LayersRequest, say: Say) -> None:
        self._request, self._say = request, say
        self._base = _folder(request.base)
        self._base_name = self._base.name if Path(request.base).is_dir() else request.base
        self._tuned = {name: _tuned_folder(path) for name, path in request.tuned}
        if len(self._tuned) < len(request.tuned):
            raise UsageError("two of the models have the same name", "name them with NAME=DIR")
        self._digests = {name: model_digest(path) for name, path in self._tuned.items()}
        self._base_digest = model_digest(self._base)
        own = next((name for name, found in self._digests.items() if found == self._base_digest), None)
        if own is not None:
            raise UsageError(f"{own} is the base itself", "give models that were tuned from it")
        self._joined = _joined(request.joined, set(self._tuned))
        self._reader: PoolReader | None = None
        self._renderer: Renderer | None = None
        if request.pool:
            self._reader = PoolReader(
                request.pool, request.columns, request.prefix_ids, request.limit, request.sample_seed
            )
            self._renderer = Renderer(self._base, request.rendering.resumed(request.out, request.overwrite))
        self._trained = {name: read_trained(path) for name, path in self._tuned.items()}
        self._trained |= {run["name"]: TrainedOn(*(run.get(key) for key in TRAINED)) for run in self._joined}
        self._trained |= {name: one for name, one in read_trained_on(request.gains).items() if name in self._trained}
        self._gains = read_gains(request.gains, self._evaluated(), self._base_digest) if request.gains else []

    def _evaluated(self) -> dict[str, str]:
        """Digest of the model that was evaluated as each run: the merged model's for an adapter in its folder.

        Empty for runs of another base, whose evaluations have no gain over this one.
        """
        joined = {run["name"]: run["digest"] if run["base_digest"] == self._base_digest else "" for run in self._joined}
        merged = {
            name: model_digest(path.parent)
            for name, path in self._tuned.items()
            if path.name == "adapter" and (path.parent / "config.json").exists()
        }
        return {**self._digests, **merged, **joined}

    @property
    def fingerprint(self) -> Mapping[str, Any]:
        """Everything that the numbers depend on."""
        request, reader = self._request, self._reader
        return {
            "base": self._base_digest,
            "tuned": self._digests,
            "joined": [file_digest(path / LAYERS) for path in request.joined],
            "gains": {one.outcome: dict(one.by_run) for one in self._gains},
            "trained": {name: [one.strategy, one.budget] for name, one in self._trained.items()},
            "spectra": request.spectra,
            "pool": reader.inputs if reader else None,
            "columns": request.columns.recorded() if reader else None,
            "prefix_ids": request.prefix_ids if reader else None,
            "limit": request.limit if reader else None,
            "sample_seed": request.sample_seed if reader else None,
            "rendering": self._renderer.settings() if self._renderer else None,
            "seed": request.seed,
        }

    @property
    def options(self) -> Mapping[str, Any]:
        """All options."""
        return recorded_options(self._request)

    def run(self, directory: StageDirectory) -> Mapping[str, Any]:
        """Write `layers.json` and the page."""
        request = self._request
        directory.write_json(LAYERS, self._document())
        directory.write_text(PAGE, render_html(layers_report(read_json(directory.path / LAYERS))))
        return {
            "stage": "layers",
            "base": request.base,
            "tuned": dict(request.tuned),
            "seed": request.seed,
            "wall_seconds": directory.wall_seconds,
        }

    def result(self, finished: FinishedStage, fresh: bool) -> LayersSummary:
        """Read the numbers from `layers.json`."""
        return LayersSummary(finished.path, read_json(finished.file(LAYERS)), fresh)

    def _document(self) -> dict[str, Any]:
        runs = [*self._compared(), *self._joined]
        runs = [{**run, **asdict(self._trained[run["name"]])} for run in runs]
        layered = {run["name"]: run for run in runs if run["layers"]}
        correlations = [found for one in self._gains for found in self._correlations(one, layered)]
        request = self._request
        return document(self._base_name, request.spectra, request.seed, runs, correlations, self._representations())

    def _compared(self) -> Iterator[dict[str, Any]]:
        base = Checkpoint(self._base)
        for name, folder in self._tuned.items():
            self._say(f"compare {name} with {self._base_name}")
            with measured(f"compare {name}", "tensors") as meter:
                change = compare_run(base, name, folder, self._request.spectra, lambda _, meter=meter: meter.advance())  # type: ignore[misc]
            yield {
                **run_part(change),
                "digest": self._digests[name],
                "base": self._base_name,
                "base_digest": self._base_digest,
            }

    def _correlations(self, gains: Gains, runs: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """One per group with enough points for an interval, or the first; the others are listed as `apart`."""
        found = groups([name for name in runs if name in gains.by_run], self._trained)
        enough = [group for group in found if len(group.points) >= WITH_INTERVAL] or found[:1]
        missing = [name for name in runs if name not in gains.by_run]
        for group in enough:
            apart = [apart_part(other) for other in found if other is not group]
            yield self._correlation(gains, runs, group) | {"apart": apart, "without_gain": missing}

    def _correlation(self, gains: Gains, runs: Mapping[str, Any], group: RunGroup) -> dict[str, Any]:
        means = {
            point: (
                mean_curve([curve(runs[name]) for name in names]),
                float(np.mean([runs[name]["relative_change"] or 0.0 for name in names])),
                float(np.mean([gains.by_run[name] for name in names])),
            )
            for point, names in group.points.items()
        }
        curves, whole, values = zip(*means.values(), strict=True)
        found = correlate(gains.outcome, list(means), curves, np.array(whole), np.array(values), self._request.seed)
        bases = [runs[name]["base"] for names in group.points.values() for name in names]
        return correlation_part(found, group, gains.by_run, list(dict.fromkeys(bases)))

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
    if is_stage(path):
        read_finished(path, "train").verify()
    elif path.name == "adapter" and is_stage(path.parent):
        read_finished(path.parent, "train").files("adapter")
    return path


def _joined(folders: tuple[Path, ...], taken: set[str]) -> list[dict[str, Any]]:
    """The runs of earlier comparisons, without their tensors."""
    found: list[dict[str, Any]] = []
    for folder in folders:
        earlier = read_json(read_finished(folder, "layers").file(LAYERS))
        for run in earlier["runs"]:
            if run["name"] in taken:
                raise DataselectError(
                    f"two runs are called {run['name']}, one of them in {folder}", "name it with NAME=DIR"
                )
            taken.add(run["name"])
            found.append({**run, "tensors": []})
    return found
