"""Reading a configuration: paths relative to its file, and every fault at once.

Whatever can be found wrong without running a model is found by `check`, all of it together, before anything long
starts; `dataselect validate` is that and nothing more.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from dataselect.bundled.resolve import resolve_model
from dataselect.config import build, load_yaml
from dataselect.errors import ConfigError, DataselectError
from dataselect.evaluation.tasks import anchored_task, task_file
from dataselect.experiment.config import ExperimentConfig
from dataselect.experiment.matrix import check_distinct
from dataselect.experiment.variant import Variant
from dataselect.pool import Renderer
from dataselect.selection.budget import parse_budget


def read_config(path: Path) -> ExperimentConfig:
    """Read and check a configuration.

    Raises:
        ConfigError: With every fault found.
    """
    values = load_yaml(path)
    if isinstance(values.get("training"), Mapping) and "seed" in values["training"]:
        raise ConfigError(f"{path}: training.seed is set by the matrix", "use seeds and random_seeds")
    config = _anchored(build(ExperimentConfig, values, str(path)), path.parent)
    faults = list(check(config))
    if faults:
        many = f"{len(faults)} faults" if len(faults) > 1 else "1 fault"
        raise ConfigError(f"{path} has {many}: " + "; ".join(faults))
    return config


def _anchored(config: ExperimentConfig, folder: Path) -> ExperimentConfig:
    """Make relative paths relative to the configuration's folder; names that are no path there stay names."""

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
        tasks=tuple(anchored_task(task, folder) for task in config.tasks),
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


def _anchored_variant(variant: Variant, tuple_of: Callable[[tuple[str, ...]], tuple[str, ...]]) -> Variant:
    filters = dataclasses.replace(variant.filters, decontaminate=tuple_of(variant.filters.decontaminate))
    return dataclasses.replace(variant, filters=filters)


def check(config: ExperimentConfig) -> Iterator[str]:
    """Everything that is wrong with a configuration and can be told without running a model."""
    for name in config.compared:
        yield from _told(f"strategies: {name}", lambda name=name: config.variant(name).needs)
    for budget in config.budgets:
        yield from _told("budgets", lambda budget=budget: parse_budget(budget))
    unused = sorted(set(config.params) - set(config.compared))
    if unused:
        yield f"params: {', '.join(unused)} is not among the strategies"
    yield from _told("matrix", lambda: check_distinct(config.matrix))
    for name in config.matrix.training:
        yield from _told(f"matrix: {name}", lambda name=name: config.recipe(name))
    for model in dict.fromkeys([*config.matrix.model.values()] or [config.model]):
        yield from _told("model", lambda model=model: Renderer(resolve_model(model), config.rendering))
    yield from _check_files(config)


def _told(where: str, attempt: Any) -> Iterator[str]:  # noqa: ANN401 - any call
    try:
        attempt()
    except DataselectError as error:
        yield f"{where}: {error}"


def _check_files(config: ExperimentConfig) -> Iterator[str]:
    pools = [*config.pools, *(file for files in config.matrix.pools.values() for file in files)]
    for field_name, names in (("pools", pools), ("targets", config.targets)):
        for name in names:
            if Path(name).suffix and not Path(name).exists():
                yield f"{field_name}: there is no file {name}"
    for task in config.tasks:
        file = task_file(task)
        if file is not None and not file.exists():
            yield f"tasks: there is no file {file}"
    if config.known_defects is not None and not Path(config.known_defects).exists():
        yield f"known_defects: there is no file {config.known_defects}"
    try:
        wants_target = config.wants_targets
    except DataselectError:
        return
    if wants_target and not config.targets:
        yield "targets: a strategy looks at a target, but none is given"
