"""Arms: runs that differ only in their seed, one arm per strategy, budget, unit, task and metric.

Pairing needs the same items in every run of a task: items are aligned by id to the first run of the task, and a run
with other items, with a task that the other seeds of its arm lack, or given twice, is an error that names it. Nothing
is dropped to make runs fit.

Left out: statistics (`intervals`), and which arm is compared with which (`rows`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dataselect.comparison.runs import Run, Seeds
from dataselect.errors import ArtifactError
from dataselect.records import Direction, TaskResult


@dataclass(frozen=True, slots=True)
class ArmKey:
    """The strategy and the budget that the seeds of an arm share."""

    strategy: str
    budget: int
    unit: str


@dataclass(frozen=True, slots=True)
class Arm:
    """The outcomes of one group on one task in one metric.

    Attributes:
        seeds: Of selection and training of each run, ascending.
        item_ids: Ids of the items, the same in every arm of the task.
        values: (n_seeds, n_items) float64.
        nests: Whether larger budgets of the strategy contain this one; None where that was not recorded.
        overlap: Of a length-matched control, the share of its rows that are rows of the selection it follows, mean
            over its seeds; None where that was not recorded.
    """

    group: ArmKey
    task: str
    metric: str
    direction: Direction
    seeds: tuple[Seeds, ...]
    item_ids: tuple[str, ...]
    values: NDArray[np.float64]
    nests: bool | None = None
    overlap: float | None = None

    @property
    def estimate(self) -> float:
        """The metric: mean over items and seeds."""
        return float(self.values.mean())


def arms(runs: Sequence[Run]) -> list[Arm]:
    """Group the runs and align their items.

    Returns:
        Arms by task, metric (both in the order of the first run that has them), strategy, unit and budget.

    Raises:
        ArtifactError: If a run is given twice, or the runs of one task differ in items or direction, or the seeds of
            one group differ in tasks.
    """
    references: dict[tuple[str, str], tuple[Run, TaskResult]] = {}
    cells: dict[tuple[str, str, ArmKey], dict[Seeds, tuple[Run, NDArray[np.float64]]]] = {}
    for run, result in [(one, result) for one in runs for result in one.results]:
        first_run, first = references.setdefault((result.task, result.metric), (run, result))
        seeds = cells.setdefault((result.task, result.metric, ArmKey(run.strategy, run.budget, run.unit)), {})
        if run.seeds in seeds:
            raise ArtifactError(
                f"the same run is given twice: {run.label} and {seeds[run.seeds][0].path}",
                "give each run once; select --label gives settings of one strategy different names",
            )
        seeds[run.seeds] = (run, _aligned(run, result, first_run, first))
    _check_tasks(cells)
    order = {key: n for n, key in enumerate(references)}
    keys = sorted(cells, key=lambda k: (order[k[0], k[1]], k[2].strategy, k[2].unit, k[2].budget))
    return [_arm(key, references[key[0], key[1]][1], cells[key]) for key in keys]


def _aligned(run: Run, result: TaskResult, first_run: Run, first: TaskResult) -> NDArray[np.float64]:
    if result.direction != first.direction:
        raise ArtifactError(
            f"task {result.task}, metric {result.metric}: {result.direction} is better in {run.path} but "
            f"{first.direction} in {first_run.path}",
            "evaluate all runs with the same version of the task",
        )
    if result.item_ids == first.item_ids:
        return result.values
    differing = sorted(set(result.item_ids) ^ set(first.item_ids))
    if differing:
        shown = ", ".join(map(repr, differing[:3])) + (f" and {len(differing) - 3} more" if len(differing) > 3 else "")
        raise ArtifactError(
            f"task {result.task}: {run.path} ({len(result.item_ids)} items) and {first_run.path} "
            f"({len(first.item_ids)} items) were not evaluated on the same items: only one of them has {shown}",
            "evaluate all runs on the same task file",
        )
    place = {item: n for n, item in enumerate(result.item_ids)}
    return result.values[[place[item] for item in first.item_ids]]


def _check_tasks(cells: dict[tuple[str, str, ArmKey], dict[Seeds, tuple[Run, NDArray[np.float64]]]]) -> None:
    """Every seed of a group has every task of the group: a mean over fewer seeds would look like the others."""
    members: dict[ArmKey, dict[Seeds, Run]] = {}
    for (_, _, group), seeds in cells.items():
        members.setdefault(group, {}).update({seed: run for seed, (run, _) in seeds.items()})
    for (task, metric, group), seeds in cells.items():
        for seed, run in members[group].items():
            if seed not in seeds:
                raise ArtifactError(
                    f"{run.label} has no results on task {task}, metric {metric}, which its other seeds have",
                    "evaluate every seed on the same tasks",
                )


def _arm(key: tuple[str, str, ArmKey], first: TaskResult, seeds: dict[Seeds, tuple[Run, NDArray[np.float64]]]) -> Arm:
    ordered = sorted(seeds)
    values = np.stack([seeds[seed][1] for seed in ordered])
    runs = [seeds[seed][0] for seed in ordered]
    shares = [run.overlap for run in runs if run.overlap is not None]
    overlap = sum(shares) / len(shares) if shares else None
    return Arm(
        group=key[2], task=key[0], metric=key[1], direction=first.direction, seeds=tuple(ordered),
        item_ids=first.item_ids, values=values, nests=runs[0].nests, overlap=overlap,
    )  # fmt: skip
