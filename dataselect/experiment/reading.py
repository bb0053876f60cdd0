"""Read a configuration: paths relative to its file, and every fault at once.

Whatever can be found wrong without loading a model is reported in one error before anything long starts; `dataselect
validate` is that and nothing more. A key that cannot be read does not hide the faults of the others: it is left out,
and what depends on it is not checked. Messages of the stages name options of the command line; here they name keys.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from dataselect.arguments import PathLike, as_path
from dataselect.config import build_or_faults, faulty, load_yaml
from dataselect.errors import DataselectError
from dataselect.evaluation.tasks import anchored_task
from dataselect.experiment.checking import faults
from dataselect.experiment.config import ExperimentConfig, Variant
from dataselect.library_errors import user_errors

_KEY = re.compile(r"[.:\[]")
_NO_TASK = ("-",)
_PLACEHOLDERS: dict[str, Any] = {"pools": ["-"], "tasks": [*_NO_TASK], "strategies": ["random"], "budgets": ["1"]}
"""Values for required keys that could not be read."""
_DEPENDENT = {"strategies": ("params", "variants", "length_matched"), "variants": ("strategies",), "matrix": ("pools",)}
"""Keys that cannot be checked without another one."""
_ROUNDS = 4
"""Faults of one key, then those between keys, then those that only placeholders cause."""


@user_errors()
def read_config(path: PathLike) -> ExperimentConfig:
    """Read and check a configuration.

    Raises:
        ConfigError: With every fault found, in the words of the file.
    """
    path = as_path(path, "the configuration")
    values = load_yaml(path)
    found: list[str] = []
    if isinstance(values.get("training"), Mapping) and "seed" in values["training"]:
        found.append("training.seed is set by the matrix: use seeds and random_seeds")
        values = values | {"training": {k: v for k, v in values["training"].items() if k != "seed"}}
    config, more, unusable = _usable(values)
    found += more
    if config is not None:
        tasks, more = _anchored_tasks(config.tasks, path.parent)
        found += more
        try:
            config = _anchored(dataclasses.replace(config, tasks=tasks), path.parent)
            found += faults(config, unusable if tasks != _NO_TASK else {*unusable, "tasks"})
        except ValueError as error:  # what differs as it is written may be the same file
            found.append(str(error))
    if found or config is None:
        raise faulty(str(path), [in_keys(fault) for fault in found])
    return config


def _usable(values: Mapping[str, Any]) -> tuple[ExperimentConfig | None, list[str], frozenset[str]]:
    """Return a configuration of what is usable, the faults of the rest, and the keys that hold a placeholder."""
    found: list[str] = []
    unusable: set[str] = set()
    for _ in range(_ROUNDS):
        kept = {key: value for key, value in values.items() if key not in unusable}
        kept |= {key: value for key, value in _PLACEHOLDERS.items() if key in unusable}
        config, more = build_or_faults(ExperimentConfig, kept)
        if config is not None:
            return config, found, frozenset(unusable)
        said = [fault for one in more for fault in one.split("; ")]
        found += said
        keys = {_KEY.split(fault, maxsplit=1)[0] for fault in said}
        unusable |= keys | {other for key in keys for other in _DEPENDENT.get(key, ())}
    return None, found, frozenset(unusable)


def _anchored(config: ExperimentConfig, folder: Path) -> ExperimentConfig:
    """Make paths relative to the configuration's folder; names that are no path in it stay names."""

    def anchor(name: str) -> str:
        there = folder / name
        return str(there) if not Path(name).is_absolute() and there.exists() else name

    def model(name: str) -> str:
        return name if name == "builtin" else anchor(name)

    def optional(name: str | None) -> str | None:
        return None if name is None else anchor(name)

    def tuple_of(names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(anchor(name) for name in names)

    replace, matrix, evaluation = dataclasses.replace, config.matrix, config.evaluation
    return replace(
        config,
        model=model(config.model),
        pools=tuple_of(config.pools),
        targets=tuple_of(config.targets),
        variants={name: _anchored_variant(one, tuple_of) for name, one in config.variants.items()},
        matrix=replace(
            matrix,
            model={name: model(one) for name, one in matrix.model.items()},
            pools={name: tuple_of(files) for name, files in matrix.pools.items()},
        ),
        rendering=replace(config.rendering, template=anchor(config.rendering.template)),
        scoring=replace(config.scoring, references={n: model(one) for n, one in config.scoring.references.items()}),
        evaluation=replace(
            evaluation, shots_from=optional(evaluation.shots_from), task_path=optional(evaluation.task_path)
        ),
        known_defects=optional(config.known_defects),
    )


def _anchored_tasks(given: tuple[str, ...], folder: Path) -> tuple[tuple[str, ...], list[str]]:
    """Return the tasks with their paths relative to the folder, and the faults of those that cannot be parsed."""
    anchored: list[str] = []
    found: list[str] = []
    for task in given:
        try:
            anchored.append(anchored_task(task, folder))
        except DataselectError as error:
            found.append(f"tasks: {error}")
    return tuple(anchored) or _NO_TASK, found


def _anchored_variant(variant: Variant, tuple_of: Callable[[tuple[str, ...]], tuple[str, ...]]) -> Variant:
    filters = dataclasses.replace(variant.filters, decontaminate=tuple_of(variant.filters.decontaminate))
    return dataclasses.replace(variant, filters=filters)


_OPTION = re.compile(r"--[a-z][a-z-]*")
_KEYS = {
    "--template": "rendering.template",
    "--max-length": "rendering.max_length",
    "--truncate": "rendering.truncate",
    "--bos": "rendering.bos",
    "--special-tokens": "rendering.special_tokens",
    "--date": "rendering.date",
    "--no-think": "rendering.think: false",
    "--where": "filters.where",
    "--min-tokens": "filters.min_tokens",
    "--max-tokens": "filters.max_tokens",
    "--dedup": "filters.dedup",
    "--decontaminate": "filters.decontaminate",
    "--decontaminate-cosine": "filters.decontaminate_cosine",
    "--strategy": "strategy",
    "--param": "params:",
    "--budget": "budgets:",
    "--target": "targets:",
    "--task": "tasks:",
    "--task-path": "evaluation.task_path",
    "--run-code": "evaluation.run_code: true",
    "--shots": "evaluation.shots",
    "--shots-from": "evaluation.shots_from",
    "--lora": "training.lora: true",
    "--rating": "the rating",
    "--scores": "scores",
    "--model": "model:",
}
_NO_KEY = {"add --prefix-ids, or make": "make"}


def in_keys(message: str) -> str:
    """The message with keys where it has options."""
    for words, instead in _NO_KEY.items():
        message = message.replace(words, instead)
    return _OPTION.sub(lambda found: _KEYS.get(found[0], found[0][2:].replace("-", "_")), message)
