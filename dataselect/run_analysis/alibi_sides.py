"""Computation of the alibis that `alibi` describes, from the grids of an analysis."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from dataselect.comparison.bootstrap import named_generator, percentile_interval
from dataselect.run_analysis.alibi import Alibi, CarryingSet, GroupAlibi, Hold, LengthAlibi
from dataselect.run_analysis.config import AnalyzeConfig
from dataselect.run_analysis.grid import Grid
from dataselect.run_analysis.group_labels import GroupColumn
from dataselect.run_analysis.run_table import Floats
from dataselect.run_analysis.sound_tables import DRAWS, few_groups_p, length_p
from dataselect.run_analysis.uncertainty import MIN_UNITS, drawn_counts
from dataselect.run_analysis.within_models import mean_partial, mean_spearman, signs
from dataselect.run_analysis.without_groups import (
    GreedyPath,
    greedy_path,
    members_of,
    most_removed,
    resampled,
    without_each,
    worst_sets,
)

LEVEL = 0.05
"""Of all checks of one association together."""

_MOST_WORK = 2e10
"""Multiplications up to which reference tables are made: about 75 data sets of five models."""


def alibis(grids: Sequence[Grid], config: AnalyzeConfig) -> tuple[Alibi, ...]:
    """Give every association its alibi."""
    return tuple(sides.alibi(config) for grid in grids for sides in alibi_sides(grid))


def alibi_sides(grid: Grid) -> Iterator[AlibiSides]:
    """Pair every property with every task of one method: the mean over models first, then each model."""
    every = np.arange(len(grid.models))
    for name in grid.properties:
        for row in range(len(grid.tasks)):
            if len(every) > 1:
                yield AlibiSides(grid, name, row, every)
            yield from (AlibiSides(grid, name, row, every[one : one + 1]) for one in every)


@dataclass(frozen=True, slots=True, eq=False)
class AlibiSides:
    """A property and a task of some models of a grid."""

    grid: Grid
    name: str
    task: int
    models: np.ndarray

    def alibi(self, config: AnalyzeConfig) -> Alibi:
        """Compute it."""
        direction, several = config.properties[self.name].direction, len(self.models) > 1
        x, y, left_out = self._known_sides(-1.0 if direction == "lower" else 1.0)
        found, known = spearman(x, y), np.isfinite(x)
        length, task = length_name(config), self.grid.tasks[self.task].name
        level = LEVEL / (len(self.grid.groups) + (length not in (None, self.name)))
        names = (self.name, task, self.grid.method, *map(str, self.models))
        check = _Check(x, y, found, level, config.resamples, named_generator(config.seed, "alibi", "\0".join(names)))
        return Alibi(
            property=self.name, task=task, method=self.grid.method,
            scope="mean over models" if several else "one model",
            model=None if several else self.grid.models[self.models[0]], direction=direction, n=int(known.sum()),
            n_models=int(known.any(axis=1).sum()), n_datasets=int(known.any(axis=0).sum()), estimate=found,
            length=self._length_held(check, length),
            groups=tuple(check.without(one, one.codes[self.models]) for one in self.grid.groups),
            left_out_models=left_out, level=level, note="" if found is not None else _NOTE,
        )  # fmt: skip

    def _known_sides(self, turn: float) -> tuple[Floats, Floats, tuple[str, ...]]:
        """Both sides, without the models that can have no coefficient, and the names of these."""
        x, y = turn * self.grid.properties[self.name][self.models], self.grid.scores[self.task][self.models]
        known = np.isfinite(x) & np.isfinite(y)
        for row, (a, b) in enumerate(zip(x, y, strict=True)):
            here = known[row]
            if here.sum() < MIN_UNITS or np.ptp(a[here]) == 0 or np.ptp(b[here]) == 0:
                known[row] = False
        left_out = tuple(
            self.grid.models[m] for m, kept in zip(self.models, known.any(axis=1), strict=True) if not kept
        )
        return np.where(known, x, np.nan), np.where(known, y, np.nan), left_out

    def _length_held(self, check: _Check, length: str | None) -> LengthAlibi:
        if length is None:
            return LengthAlibi(None, note="no length is known; name it in control")
        if length == self.name:
            return LengthAlibi(None, note="it is the length itself")
        return check.length_held(length, self.grid.properties[length][self.models])


@dataclass(frozen=True, slots=True, eq=False)
class _Check:
    """The known cells of both sides, (n_models, d) with NaN elsewhere, and the coefficient that is checked."""

    x: Floats
    y: Floats
    found: float | None
    level: float
    draws: int
    rng: np.random.Generator

    def length_held(self, name: str, z: Floats) -> LengthAlibi:
        """Hold the length fixed."""
        known = np.isfinite(self.x) & np.isfinite(z)
        x, y, z = (np.where(known, one, np.nan) for one in (self.x, self.y, z))
        plain = spearman(x, y)
        if self.found is None or plain is None:
            return LengthAlibi(name, note="the length is not known for these runs" if self.found else "no association")
        held = known[None, ..., None].astype(np.float64)
        given = _number(mean_partial(signs(x)[None], signs(y)[None], signs(z)[None], held)[0, 0])
        if given is None:
            same = "the length alone orders one of the two sides, in every model: it cannot be told from it"
            return LengthAlibi(name, hold="warning", note=same)
        if falls_short(given, plain) is None:
            return LengthAlibi(name, given, hold="holds")
        p = length_p(x, y, z, plain, given, self.rng)
        return LengthAlibi(name, given, p, "warning" if p <= self.level else "caution")

    def without(self, column: GroupColumn, cells: np.ndarray) -> GroupAlibi:
        """Leave out groups; `cells` are their codes, (n_models, d)."""
        codes = np.where(np.isfinite(self.x), cells, -1)
        here = np.unique(codes[codes >= 0])
        if self.found is None:
            return GroupAlibi(column.name, len(here), note="no association")
        if len(here) < 2:
            return GroupAlibi(column.name, len(here), note=f"all runs are in one group, {column.names[here[0]]}")
        members = members_of(np.where(codes >= 0, np.searchsorted(here, codes), -1), len(here))
        names = tuple(column.names[one] for one in here)
        known, sides = np.isfinite(self.x).astype(np.float64)[None], (signs(self.x)[None], signs(self.y)[None])
        path = greedy_path(*sides, known, members, most_removed(len(here)))
        sets = [
            CarryingSet(tuple(names[one] for one in sorted(chosen)), math.copysign(1.0, self.found) * value)
            for chosen, value in worst_sets(*sides, known, members, path)
        ]
        found = _without_one(column.name, names, self.found, without_each(*sides, known, members))
        if len(here) >= MIN_UNITS:
            counts = drawn_counts(len(here), self.draws, self.rng)
            interval = percentile_interval(resampled(*sides, known, members, counts))
            found = replace(found, ci_low=interval.low, ci_high=interval.high) if interval else found
        return self._judged(found, sets, path, members)

    def _judged(self, one: GroupAlibi, sets: list[CarryingSet], path: GreedyPath, members: Floats) -> GroupAlibi:
        found = self.found or 0.0
        fallen = [(carrying, mark) for carrying in sets if (mark := falls_short(carrying.without, found))]
        p: float | None = None
        hold: Hold = "holds"
        if fallen:
            if members.size * members.shape[2] * len(sets) * DRAWS <= _MOST_WORK:
                p = few_groups_p(self.x, self.y, found, path, members, self.rng)
            hold = "warning" if p is not None and p <= self.level else "caution"
        farthest = min(sets, key=lambda carrying: math.copysign(1.0, found) * carrying.without, default=None)
        turned = next((carrying for carrying, mark in fallen if mark == "turned"), None)
        return replace(one, farthest=farthest, halved=fallen[0][0] if fallen else None, turned=turned, p=p, hold=hold)


_NOTE = f"no model has {MIN_UNITS} data sets and different values on both sides"


def spearman(x: Floats, y: Floats) -> float | None:
    """Return the mean over models of Spearman; NaN is missing on both sides."""
    known = np.isfinite(x).astype(np.float64)
    return _number(mean_spearman(signs(x)[None], signs(y)[None], known[None, ..., None])[0, 0])


def _without_one(column: str, names: tuple[str, ...], found: float, each: Floats) -> GroupAlibi:
    if not np.isfinite(each).any():
        return GroupAlibi(column, len(names), note="nothing is left without any of them")
    most = int(np.nanargmax(np.abs(each - found)))
    return GroupAlibi(
        column, len(names), low=float(np.nanmin(each)), high=float(np.nanmax(each)), moves_most=names[most],
        without_most=float(each[most]),
    )  # fmt: skip


def falls_short(left: float, found: float) -> Literal["halved", "turned"] | None:
    """Say whether what is left of a coefficient has another sign, or is less than half of it."""
    towards = left * math.copysign(1.0, found)
    if towards < 0:
        return "turned"
    return "halved" if towards < abs(found) / 2 else None


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


_LENGTH_WORDS = ("length", "tokens", "words", "chars", "characters")


def length_name(config: AnalyzeConfig) -> str | None:
    """Return the property that is the length: `control`, or the first whose name or column says so."""
    if config.control is not None:
        return config.control
    for name, one in config.properties.items():
        words = f"{name} {one.column or ''}".lower().replace("_", " ").split()
        if any(word in _LENGTH_WORDS for word in words):
            return name
    return None
