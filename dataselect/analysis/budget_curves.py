"""Budget curves: what each strategy reaches with how much data, and where more of it no longer helps.

One curve per task, metric, strategy and unit of budget, over the budgets that were run, beginning with the untrained
model at 0. An exponential plateau is laid through it (`plateau`); its 95 % point has a bootstrap interval over items,
the same draws for all budgets. A draw in which no plateau is found counts as one that lies beyond the budgets, so the
upper end may be open.

A curve is over nested subsets only if the strategy's larger budgets contain its smaller ones; else `nested` says that
they do not, and part of the way along the curve is another choice of rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dataselect.analysis.arms import Arm
from dataselect.analysis.controls import WITHOUT_BUDGET
from dataselect.analysis.plateau import Plateau, fit_plateau
from dataselect.records import Direction

_DRAWS = 200

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class BudgetCurve:
    """One strategy on one task in one metric.

    Attributes:
        budgets: Ascending, in `unit`; 0 is the untrained model.
        estimates: The metric at each, mean over items and seeds.
        spreads: Standard deviation over seeds of the mean over items; None where there is one seed.
        nested: Whether larger budgets contain smaller ones; None where that was not recorded.
        plateau: The fitted curve; None if the points show none.
        reached_low, reached_high: 95 % interval of the budget at which 95 % of the plateau is reached; None for an end
            that lies beyond twice the largest budget.
    """

    task: str
    metric: str
    direction: Direction
    strategy: str
    unit: str
    budgets: tuple[int, ...]
    estimates: tuple[float, ...]
    spreads: tuple[float | None, ...]
    nested: bool | None
    plateau: Plateau | None
    reached: float | None
    reached_low: float | None
    reached_high: float | None


def budget_curves(arms: Sequence[Arm]) -> tuple[BudgetCurve, ...]:
    """All curves with two budgets at least, in the order of the arms."""
    groups: dict[tuple[str, str, str, str], list[Arm]] = {}
    for arm in arms:
        if arm.group.strategy not in WITHOUT_BUDGET:
            groups.setdefault((arm.task, arm.metric, arm.group.strategy, arm.group.unit), []).append(arm)
    starts = {(arm.task, arm.metric): arm for arm in arms if arm.group.strategy == "untrained"}
    return tuple(
        _curve(sorted(group, key=lambda a: a.group.budget), starts.get(key[:2]))
        for key, group in groups.items()
        if len(group) > 1
    )


def _curve(group: Sequence[Arm], start: Arm | None) -> BudgetCurve:
    arms = [*([start] if start is not None else []), *group]
    n = np.array([0 if arm is start else arm.group.budget for arm in arms], np.float64)
    y = np.array([arm.estimate for arm in arms])
    plateau = fit_plateau(n, y)
    low, high = _interval(n, arms) if plateau else (None, None)
    first = group[0]
    return BudgetCurve(
        task=first.task, metric=first.metric, direction=first.direction, strategy=first.group.strategy,
        unit=first.group.unit, budgets=tuple(int(one) for one in n), estimates=tuple(float(one) for one in y),
        spreads=tuple(_spread(arm.values) for arm in arms), nested=_nested(group),
        plateau=plateau, reached=plateau.reached if plateau else None, reached_low=low, reached_high=high,
    )  # fmt: skip


def _nested(group: Sequence[Arm]) -> bool | None:
    told = {arm.nests for arm in group}
    return False if False in told else None if None in told else True


def _spread(values: Floats) -> float | None:
    return float(values.mean(axis=1).std(ddof=1)) if len(values) > 1 else None


def _interval(n: Floats, arms: Sequence[Arm]) -> tuple[float | None, float | None]:
    per_item = np.stack([arm.values.mean(axis=0) for arm in arms])
    items = per_item.shape[1]
    rng = np.random.default_rng([5, items])
    most = 2 * float(n.max())
    found = []
    for _ in range(_DRAWS):
        fitted = fit_plateau(n, per_item[:, rng.integers(0, items, items)].mean(axis=1))
        found.append(min(fitted.reached, np.inf) if fitted else np.inf)
    low, high = (float(np.quantile(found, q, method="inverted_cdf")) for q in (0.025, 0.975))
    return (low if low <= most else None), (high if high <= most else None)
