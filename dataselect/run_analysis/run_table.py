"""A table of runs as arrays: what each run was, its score on every task, and the properties of its data.

Absent numbers are NaN. Nothing is corrected here; a cell that should be a number and is none counts as absent and is
kept in `unreadable`, which the checks report.

A condition compares cells with YAML values. A CSV has text only, YAML also numbers and truth values: `10` matches the
cells "10" and "10.0", `true` matches "True", and text matches itself. Only an empty text matches an empty cell.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dataselect.artifacts import digest
from dataselect.records import Direction
from dataselect.run_analysis.config import TaskConfig

Floats = NDArray[np.float64]

OVERALL = "all tasks (standardised)"
"""Name of the task that is the mean over tasks."""


@dataclass(frozen=True, slots=True)
class TaskColumn:
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


def task_column(name: str, config: TaskConfig) -> TaskColumn:
    """Return the task that a configuration describes."""
    scale = (config.scale[0], config.scale[1]) if config.scale else None
    return TaskColumn(name, config.direction, scale, config.chance, config.overall)


@dataclass(frozen=True, slots=True)
class UnreadableCell:
    """A cell that is no number: line of the file, column, and its text."""

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
        groups: Column -> (n,) texts, for the columns of groups that do not name a run.
    """

    model: str
    data: str
    lines: tuple[int, ...]
    labels: Mapping[str, tuple[str, ...]]
    tasks: tuple[TaskColumn, ...]
    scores: Floats
    properties: Mapping[str, Floats]
    unreadable: tuple[UnreadableCell, ...] = ()
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

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

    @property
    def oriented(self) -> Floats:
        """(n_tasks, n) scores, turned so that more is better."""
        oriented: Floats = self.scores * np.array([task.sign for task in self.tasks])[:, None]
        return oriented

    @property
    def digest(self) -> str:
        """sha256 of everything in the table."""
        plain = asdict(self) | {
            "labels": dict(self.labels),
            "scores": self.scores.tolist(),
            "groups": dict(self.groups),
        }
        return digest(plain | {"properties": {name: values.tolist() for name, values in self.properties.items()}})

    def group_cells(self, column: str) -> tuple[str, ...]:
        """(n,) texts of a column of groups."""
        return self.groups[column] if column in self.groups else self.labels[column]

    def matching(self, condition: Mapping[str, Any]) -> NDArray[np.bool_]:
        """Return the (n,) mask of the rows that have the wanted value in every column of a condition."""
        mask = np.ones(len(self), dtype=bool)
        for column, wanted in condition.items():
            mask &= np.array([cell_matches(cell, wanted) for cell in self.labels[column]], dtype=bool)
        return mask

    def rows(self, mask: NDArray[np.bool_]) -> RunTable:
        """Return the table of some rows only."""
        kept = np.flatnonzero(mask)
        return replace(
            self,
            lines=tuple(self.lines[i] for i in kept),
            labels={name: tuple(cells[i] for i in kept) for name, cells in self.labels.items()},
            scores=self.scores[:, kept],
            properties={name: values[kept] for name, values in self.properties.items()},
            groups={name: tuple(cells[i] for i in kept) for name, cells in self.groups.items()},
        )

    def lines_of(self, rows: Iterable[int]) -> tuple[int, ...]:
        """Return the lines of some rows."""
        return tuple(self.lines[row] for row in rows)

    def named(self, row: int) -> str:
        """Name a row in a message."""
        return ", ".join(cells[row] or "(empty)" for cells in self.labels.values())


def cell_matches(cell: str, wanted: Any) -> bool:  # noqa: ANN401 - YAML
    """Return whether a cell has the wanted value, or one of a list of them."""
    if isinstance(wanted, list | tuple):
        return any(cell_matches(cell, one) for one in wanted)
    if isinstance(wanted, bool):
        return cell.strip().lower() == str(wanted).lower()
    if isinstance(wanted, int | float):
        try:
            return float(cell) == wanted
        except ValueError:
            return False
    return cell.strip() == ("" if wanted is None else str(wanted).strip())


def known_mean(values: Floats) -> float:
    """Return the mean of the known values; NaN where there is none."""
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else float("nan")
