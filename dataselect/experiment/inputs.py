"""The fingerprint of an experiment: its settings, and the content of its files by role and position.

A pool, task or model that was moved to another folder is the same input; another file under the same name is another.
Pools keep the name that every row of theirs carries, tasks the name of their results. A hub id stands for itself here:
the stages that read it compare its content.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from dataselect.artifacts import file_digest
from dataselect.embeddings.encoders import ENCODERS
from dataselect.evaluation.tasks import find_tasks
from dataselect.experiment.config import ExperimentConfig
from dataselect.models import model_digest, resolve_model
from dataselect.pool.render_options import TEMPLATE_NAMES
from dataselect.pool.sources import Source, content_digest, find_sources


def fingerprint(config: ExperimentConfig) -> dict[str, Any]:
    """Return the settings without paths, and the inputs by digest.

    Raises:
        DataselectError: If an input cannot be read.
    """
    return {"config": _without_paths(config), "inputs": _inputs(config)}


def _without_paths(config: ExperimentConfig) -> dict[str, Any]:
    values = dataclasses.asdict(config)
    for name in ("pools", "tasks", "targets", "model", "encoder", "known_defects"):
        del values[name]
    values["columns"] = config.columns.recorded()
    values["matrix"] = {"training": values["matrix"]["training"]}
    for variant in values["variants"].values():
        del variant["filters"]["decontaminate"]
    for name in ("shots_from", "task_path"):
        del values["evaluation"][name]
    del values["scoring"]["references"]
    if values["rendering"]["template"] not in TEMPLATE_NAMES:
        del values["rendering"]["template"]
    return values


def _inputs(config: ExperimentConfig) -> dict[str, Any]:
    evaluation = config.evaluation
    return {
        "pools": _files(config.pools),
        "matrix": {
            "pools": {name: _files(files) for name, files in config.matrix.pools.items()},
            "model": {name: _model(one) for name, one in config.matrix.model.items()},
        },
        "targets": _files(config.targets),
        "tasks": _tasks(config),
        "model": None if config.matrix.model else _model(config.model),
        "references": {name: _model(one) for name, one in config.scoring.references.items()},
        "encoder": config.encoder if config.encoder in ENCODERS.names() else _content(config.encoder),
        "template": _content(config.rendering.template) if config.rendering.template not in TEMPLATE_NAMES else None,
        "shots_from": _content(evaluation.shots_from),
        "task_path": _content(evaluation.task_path),
        "known_defects": _content(config.known_defects),
        "decontaminate": {name: _files(one.filters.decontaminate) for name, one in config.variants.items()},
    }


def _files(given: Iterable[str]) -> list[dict[str, str]]:
    return [{"source": one.name, "sha256": _of_source(one)} for one in (find_sources(list(given)) if given else ())]


def _of_source(source: Source) -> str:
    return str(source.path) if source.kind == "hub" else content_digest(source)


def _tasks(config: ExperimentConfig) -> list[dict[str, str]]:
    """Return name, kind and content of each task; one of the harness has a folder in place of a file."""
    folder = None if config.evaluation.task_path is None else Path(config.evaluation.task_path)
    tasks = find_tasks(config.tasks, folder)
    return [{"name": one.name, "kind": one.kind, "sha256": _content(one.file or one.folder) or ""} for one in tasks]


def _model(name: str) -> str:
    return model_digest(resolve_model(name))


def _content(name: str | Path | None) -> str | None:
    """Return the digest of a file or folder; a name that is neither stands for itself."""
    if name is None:
        return None
    return file_digest(Path(name)) if Path(name).exists() else str(name)
