"""A table of runs as arrays: what each run was, its score on every task, and the properties of its data.

Absent numbers are NaN. Nothing is corrected here; a cell that should be a number and is none counts as absent and is
kept in `unreadable`, which the checks report.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dataselect.prediction.config import TaskConfig
from dataselect.prediction.matching import rows_that_match
from dataselect.records import Direction

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Task:
    """One task; `scale` is (lowest, highest) where it is known. See `TaskConfig`."""

    name: str
    direction: Direction = "higher"
    scale: tuple[float, float] | None = None
    chance: float | None = None
    overall: bool = True

    @property
    def sign(self) -> float:
        """1 where more is better, else -1."""
        return 1.0 if self.direction == "higher" else -1.0


def make_task(name: str, config: TaskConfig) -> Task:
    """The task that a configuration describes."""
    scale = (config.scale[0], config.scale[1]) if config.scale else None
    return Task(name, config.direction, scale, config.chance, config.overall)


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A cell that is no number: line of the file, column, and what stands there."""

    line: int
    column: str
    text: str


@dataclass(frozen=True, slots=True)
class RunTable:
    """Runs as rows.

    Attributes:
        model, data: Names of the columns of the base model and of the data set.
        lines: (n,) line of each row in its file, from 1; in an experiment, its place.
        labels: Column -> (n,) texts, for every column that names a run.
        tasks: In the order of the configuration.
        scores: (n_tasks, n), as they stand in the table, whichever way they improve.
        properties: Name -> (n,), logarithms already taken.
    """

    model: str
    data: str
    lines: tuple[int, ...]
    labels: Mapping[str, tuple[str, ...]]
    tasks: tuple[Task, ...]
    scores: Floats
    properties: Mapping[str, Floats]
    unreadable: tuple[Unreadable, ...] = ()

    def __len__(self) -> int:
        return len(self.lines)

    @property
    def models(self) -> tuple[str, ...]:
        """(n,) base models."""
        return self.labels[self.model]

    @property
    def datasets(self) -> tuple[str, ...]:
        """(n,) data sets."""
        return self.labels[self.data]

    def matching(self, condition: Mapping[str, Any]) -> NDArray[np.bool_]:
        """(n,) mask of the rows that have every wanted value."""
        return rows_that_match(self.labels, condition, len(self))

    def rows(self, mask: NDArray[np.bool_]) -> RunTable:
        """The table of some rows only."""
        kept = np.flatnonzero(mask)
        return replace(
            self,
            lines=tuple(self.lines[i] for i in kept),
            labels={name: tuple(cells[i] for i in kept) for name, cells in self.labels.items()},
            scores=self.scores[:, kept],
            properties={name: values[kept] for name, values in self.properties.items()},
        )

    def named(self, row: int) -> str:
        """One row in words, for messages."""
        return ", ".join(cells[row] or "(empty)" for cells in self.labels.values())
