"""The configuration of an analysis: what the columns of a table mean, what is compared, how uncertainty is estimated.

A table is wide (one row per run, one column per task) or long (one row per run and task, with `columns.task` and
`columns.score`). Conditions are rows' values that must match: text as it stands, numbers as numbers, true and false in
any case, a list for any of several.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from dataselect.config import build, load_yaml
from dataselect.records import Direction

Condition = dict[str, Any]
"""Column -> the value that a row must have there, or a list of such values."""


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns that name a run.

    Attributes:
        model: The base model.
        data: What it was trained on.
        conditions: Everything else in which runs differ: method, epochs, amount of data, seed.
        task, score: In a long table, the columns of the task's name and of its score.
    """

    model: str
    data: str
    conditions: tuple[str, ...] = ()
    task: str | None = None
    score: str | None = None

    def __post_init__(self) -> None:
        if (self.task is None) != (self.score is None):
            raise ValueError("a long table needs both task and score, a wide one neither")

    @property
    def keys(self) -> tuple[str, ...]:
        """All columns that name a run."""
        return (self.model, self.data, *self.conditions)


@dataclass(frozen=True, slots=True)
class TaskConfig:
    """One task.

    Attributes:
        column: Its column (wide), or its name in the task column (long); by default the task's own name.
        direction: Which way its score improves.
        scale: Lowest and highest score there can be; without it, scales are only compared with each other.
        chance: The score of guessing.
        overall: Whether it counts in the mean over all tasks. Choose one setting per benchmark.
    """

    column: str | None = None
    direction: Direction = "higher"
    scale: tuple[float, ...] = ()
    chance: float | None = None
    overall: bool = True

    def __post_init__(self) -> None:
        if self.scale and (len(self.scale) != 2 or self.scale[0] >= self.scale[1]):
            raise ValueError(f"scale: expected [lowest, highest], got {list(self.scale)}")


@dataclass(frozen=True, slots=True)
class PropertyConfig:
    """One property of the data: its column, and whether its logarithm is used.

    Attributes:
        direction: Which way it is said to improve; with "lower" the coefficients of the alibi are turned, so that above
            0 always means as said.
    """

    column: str | None = None
    log: bool = False
    direction: Direction = "higher"


@dataclass(frozen=True, slots=True)
class PropertyTable:
    """A second table with the properties, joined by data set, and by model where `model` names its column.

    Attributes:
        file: A CSV, relative to the configuration.
    """

    file: str
    data: str
    model: str | None = None


@dataclass(frozen=True, slots=True)
class PairConfig:
    """Runs that differ in one column only: `second` minus `first`, among the rows that match `where`."""

    column: str
    first: Any
    second: Any
    where: Condition = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CurveConfig:
    """A curve of scores along a column of numbers, among the rows that match `where`."""

    x: str
    where: Condition = field(default_factory=dict)


BASELINE = "baseline"
"""Name of the score before training among what a forecast knows."""


@dataclass(frozen=True, slots=True)
class ForecastConfig:
    """The outcome of runs forecast before training, with one group of runs left out at a time.

    What is known is named by a property, by a column that names a run, or is "baseline", the score of the model on the
    task before training. A column in which every cell is a number, true or false is a number; any other is a category.

    Attributes:
        leave_out: The column of the groups: model, pool, family.
        properties: What is known of a run before training, and is asked to narrow the interval.
        given: What the interval from the mean alone knows too; the student, say, where teachers are left out.
        outcome: "gain" needs baselines; a score is turned so that more is better.
        tasks: Those forecast; all by default.
        where: What every run has.
    """

    leave_out: str
    properties: tuple[str, ...]
    given: tuple[str, ...] = ()
    outcome: Literal["gain", "score"] = "gain"
    tasks: tuple[str, ...] = ()
    where: Condition = field(default_factory=dict)

    def __post_init__(self) -> None:
        known = (*self.properties, *self.given)
        if not self.properties:
            raise ValueError("properties: expected at least one, got none")
        if self.leave_out in known:
            raise ValueError(f"{self.leave_out!r} is left out, and the name of a new one says nothing: remove it")
        if twice := sorted({name for name in known if known.count(name) > 1}):
            raise ValueError(f"named twice: {', '.join(twice)}")


@dataclass(frozen=True, slots=True)
class AnalyzeConfig:
    """A whole analysis.

    Attributes:
        tasks: Name -> task; may be empty for a long table, which names its tasks itself.
        baseline: What the rows of models before training have; empty where there are none.
        where: What every row of the main analyses has; baselines, comparisons and curves have conditions of their own.
        methods: Training methods that are analysed apart: name -> condition. Without any, all rows are one.
        exclude: Rows that match any of these are only checked.
        without_copies: Whether scores that two rows share beyond accident count as absent, in both of them: what is
            left is what no copy can have made.
        properties: Name -> property; without any, the analyses that need none still run.
        control: The property that partial correlations are given, commonly the length.
        group: The columns of the groups that every association is shown without: teacher, source, family. By default
            the data sets.
        comparisons, curves: Name -> what is compared or followed.
        forecast: Name -> what is forecast from what, and which groups are left out.
        seed, resamples: Of the bootstrap.
        permutations: At the start of a permutation test; where p is small there are more, see `permutation`.
    """

    columns: Columns
    tasks: dict[str, TaskConfig] = field(default_factory=dict)
    baseline: Condition = field(default_factory=dict)
    where: Condition = field(default_factory=dict)
    methods: dict[str, Condition] = field(default_factory=dict)
    exclude: tuple[Condition, ...] = ()
    without_copies: bool = False
    properties: dict[str, PropertyConfig] = field(default_factory=dict)
    property_table: PropertyTable | None = None
    control: str | None = None
    group: tuple[str, ...] = ()
    comparisons: dict[str, PairConfig] = field(default_factory=dict)
    curves: dict[str, CurveConfig] = field(default_factory=dict)
    forecast: dict[str, ForecastConfig] = field(default_factory=dict)
    seed: int = 0
    resamples: int = 1000
    permutations: int = 9999

    def __post_init__(self) -> None:
        draws = {"resamples": self.resamples, "permutations": self.permutations}
        faults = [f"{name}: expected at least 100, got {n}" for name, n in draws.items() if n < 100]
        if not self.tasks and self.columns.task is None:
            faults.append("tasks: a wide table needs the names of its tasks")
        if self.control is not None and self.control not in self.properties:
            faults.append(f"control: {self.control!r} is not among the properties")
        if self.seed < 0:
            faults.append(f"seed: expected 0 or more, got {self.seed}")
        faults += self._unknown_columns() + self._unknown_in_forecasts()
        if faults:
            raise ValueError("; ".join(faults))

    def _unknown_columns(self) -> list[str]:
        """List the columns of conditions that are not among those that name a run."""
        used: list[tuple[str, Condition]] = [("baseline", self.baseline), ("where", self.where)]
        used += [(f"methods.{name}", one) for name, one in self.methods.items()]
        used += [(f"exclude[{i}]", one) for i, one in enumerate(self.exclude)]
        used += [(f"comparisons.{name}", pair.where | {pair.column: ""}) for name, pair in self.comparisons.items()]
        used += [(f"curves.{name}", curve.where | {curve.x: ""}) for name, curve in self.curves.items()]
        used += [(f"forecast.{name}", one.where) for name, one in self.forecast.items()]
        known = ", ".join(self.columns.keys)
        return [
            f"{place}: {column!r} names no run; columns.conditions may name it (there are {known})"
            for place, condition in used
            for column in condition
            if column not in self.columns.keys
        ]

    def _unknown_in_forecasts(self) -> list[str]:
        """List what forecasts name and the configuration does not know."""
        known, faults = (*self.properties, *self.columns.keys, *([BASELINE] if self.baseline else [])), []
        for name, one in self.forecast.items():
            here = f"forecast.{name}"
            faults += [
                f"{here}: {wanted!r} is no property and names no run; properties or columns.conditions may name it "
                f"(there are {', '.join(known)})"
                for wanted in (*one.properties, *one.given)
                if wanted not in known
            ]
            if one.outcome == "gain" and not self.baseline:
                faults.append(f"{here}: a gain needs baseline, the runs before training; or set outcome: score")
            if self.tasks:
                faults += [f"{here}: {task!r} is not among the tasks" for task in one.tasks if task not in self.tasks]
        return faults


def read_config(path: Path) -> AnalyzeConfig:
    """Read the configuration of an analysis.

    Raises:
        ConfigError: With every fault.
    """
    return build(AnalyzeConfig, load_yaml(path), str(path))
