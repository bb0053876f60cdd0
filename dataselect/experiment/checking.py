"""Find what a stage of an experiment would refuse before it loads a model, before any stage begins.

The stages' own checks run with the requests that they would get, so that nothing is refused here in other words or
overlooked. A fault is `key: what is wrong`. A check whose keys are unusable themselves is skipped, so that one mistake
is reported once.

Left out: what only the model shows (rows that are too long, nothing that can be scored), a token budget over the pool's
tokens, and how much disk it takes (`estimate`).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from dataselect.comparison.controls import CONTROL
from dataselect.experiment import checks
from dataselect.experiment.checks import refusals
from dataselect.experiment.config import ExperimentConfig
from dataselect.selection.budget import parse_budget

_Find = Callable[[ExperimentConfig], Iterator[str]]
_Usable = tuple[ExperimentConfig, list[str]]


def faults(config: ExperimentConfig, unusable: Collection[str] = ()) -> list[str]:
    """Return all faults of a configuration, each once.

    Args:
        unusable: Keys that hold a placeholder, because what was written could not be read.
    """
    found: list[str] = []
    for keys, part in _PARTS:
        if not {*keys} & {*unusable}:
            config, more = part(config)
            found += more
    found += [fault for keys, find in _OF_ALL if not {*keys} & {*unusable} for fault in find(config)]
    for keys, find in _OF_SETTING:
        if not {*keys} & {*unusable}:
            found += [fault for setting in config.settings.values() for fault in find(setting)]
    return list(dict.fromkeys(found))


def _strategies(config: ExperimentConfig) -> _Usable:
    """Return the configuration without the strategies that cannot be used, and their faults."""
    wrong = {
        name: list(refusals(f"strategies: {name}", lambda name=name: config.variant(name).needs))
        for name in config.compared
    }
    unused = sorted(set(config.params) - set(config.compared))
    found = [f"params: {', '.join(unused)} is not among the strategies"] if unused else []
    left = tuple(name for name in config.strategies if not wrong.get(name))
    usable = dataclasses.replace(
        config,
        strategies=left or (CONTROL,),
        variants={name: one for name, one in config.variants.items() if name in left},
        length_matched=config.length_matched and tuple(name for name in config.length_matched if name in left),
    )
    return usable, [*_all(wrong), *found]


def _budgets(config: ExperimentConfig) -> _Usable:
    """Return the configuration without the budgets that cannot be used, and their faults."""
    wrong = {text: list(refusals("budgets", parse_budget, text)) for text in config.budgets}
    left = tuple(text for text, found in wrong.items() if not found)
    return dataclasses.replace(config, budgets=left or ("1",)), _all(wrong)


def _recipes(config: ExperimentConfig) -> _Usable:
    """Return the configuration without the recipes of the matrix that cannot be used, and their faults."""
    recipes = config.matrix.training
    wrong = {name: list(refusals("matrix", config.recipe, name)) for name in recipes}
    left = {name: recipe for name, recipe in recipes.items() if not wrong[name]}
    return dataclasses.replace(config, matrix=dataclasses.replace(config.matrix, training=left)), _all(wrong)


def _seeds(config: ExperimentConfig) -> _Usable:
    """Return the configuration with usable seeds in place of those that cannot be used, and their faults."""

    def wrong(key: str, seeds: tuple[int, ...]) -> list[str]:
        return [f for seed in seeds for f in refusals(key, dataclasses.replace, config.training, seed=seed)]

    found, of_random = wrong("seeds", config.seeds), wrong("random_seeds", config.random_seeds)
    usable = dataclasses.replace(
        config,
        seeds=tuple(range(len(config.seeds))) if found else config.seeds,
        random_seeds=tuple(range(len(config.random_seeds))) if of_random else config.random_seeds,
    )
    return usable, found + of_random


def _all(wrong: Mapping[Any, list[str]]) -> list[str]:
    return [fault for of_one in wrong.values() for fault in of_one]


_PARTS: tuple[tuple[tuple[str, ...], Callable[[ExperimentConfig], _Usable]], ...] = (
    (("strategies", "params", "variants"), _strategies),
    (("budgets",), _budgets),
    (("matrix", "training"), _recipes),
    (("seeds", "random_seeds", "training"), _seeds),
)
"""Checks that take unusable parts out, so that these do not hide the faults of the others."""

_OF_ALL: tuple[tuple[tuple[str, ...], _Find], ...] = (
    (("variants", "matrix"), checks.check_names),
    (("training", "matrix"), checks.check_training),
    (("scoring", "evaluation"), checks.check_runs),
    (("model", "matrix", "scoring"), checks.check_models),
    (("model", "matrix", "scoring", "rendering", "strategies", "variants"), checks.check_rendering),
    (("evaluation",), checks.check_evaluation),
    (("tasks", "evaluation"), checks.check_tasks),
    (("targets", "columns"), checks.check_targets),
    (("targets", "strategies", "params", "variants"), checks.check_wanted_targets),
    (("encoder", "embed_text", "top_k", "strategies", "params", "variants"), checks.check_embeddings),
    (("variants", "columns"), checks.check_filters),
    (("known_defects",), checks.check_report),
    (("strategies", "params", "variants", "scoring", "targets"), checks.check_columns),
    (("strategies", "params", "variants", "targets"), checks.check_ranking_inputs),
)
"""Checks of the whole with the keys that they read."""

_OF_SETTING: tuple[tuple[tuple[str, ...], _Find], ...] = ((("pools", "columns", "matrix"), checks.check_pool),)
"""Checks of every setting of the matrix."""
