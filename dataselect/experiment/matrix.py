"""The axes of an experiment beside strategies, budgets and seeds: base models, pools and training recipes.

Each axis gives names to values that stand in for `model`, `pools` or `training`. Every combination is a *setting*: an
experiment of its own, with its own controls, because a strategy is compared with random on the same model, pool and
recipe or not at all.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from dataselect.errors import ConfigError

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Matrix:
    """Values by name along each axis; an empty axis leaves the configuration as it is."""

    model: dict[str, str] = field(default_factory=dict)
    """Base models."""

    pools: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Pools, each of one or more files."""

    training: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Recipes: the settings in which each differs from `training`."""

    def __post_init__(self) -> None:
        """Names become folders."""
        for axis in ("model", "pools", "training"):
            for name in getattr(self, axis):
                if not _NAME.fullmatch(name):
                    raise ValueError(f"{axis}: a name may contain only letters, digits, . and _, got {name!r}")
        for name, recipe in self.training.items():
            if "seed" in recipe:
                raise ValueError(f"training.{name}.seed is set by the matrix: use seeds and random_seeds")

    @property
    def settings(self) -> Iterator[Setting]:
        """Every combination, in the order of the file; one without names if there is no axis."""
        axes = [[*axis] or [""] for axis in (self.model, self.pools, self.training)]
        return itertools.starmap(Setting, itertools.product(*axes))


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting: the names of its model, pool and recipe; empty for an axis that does not vary."""

    model: str
    pools: str
    training: str

    @property
    def name(self) -> str:
        """A name for its folder; empty if nothing varies."""
        return "-".join(filter(None, (self.model, self.pools, self.training)))

    @property
    def scores(self) -> str:
        """A name for the folder of its scores, which depend on model and pool."""
        return "-".join(filter(None, (self.model, self.pools)))


def check_distinct(matrix: Matrix) -> None:
    """Refuse names that give two settings the same folder.

    Raises:
        ConfigError: With the name.
    """
    names = [setting.name for setting in matrix.settings]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ConfigError(f"matrix: two settings are called {twice[0]}", "choose other names")
