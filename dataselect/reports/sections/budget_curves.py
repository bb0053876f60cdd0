"""Budget curves: what each strategy reaches with how much data, and where more of it no longer helps.

One curve per task, metric, strategy and unit of budget, over the budgets that were run, beginning with the untrained
model at 0. An exponential plateau is fitted to it (`comparison.plateau`); its 95 % point has a bootstrap interval over
items, the same draws for all budgets. A draw in which no plateau is found counts as one beyond the budgets, so the
upper end may be open.

A curve is over nested subsets only if the strategy's larger budgets contain its smaller ones; else `nested` is False,
and part of the change along the curve comes from another choice of rows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dataselect.comparison.arms import Arm
from dataselect.comparison.controls import WITHOUT_BUDGET
from dataselect.comparison.plateau import Plateau, fit_plateau
from dataselect.records import Direction
from dataselect.reports.content import Block, Column, Plot, ReportSection, Section, Table, number, text
from dataselect.reports.numbers import ABSENT, BETTER_IS, count, fixed, short

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
    first, nests = group[0], {arm.nests for arm in group}
    return BudgetCurve(
        task=first.task, metric=first.metric, direction=first.direction, strategy=first.group.strategy,
        unit=first.group.unit, budgets=tuple(int(one) for one in n), estimates=tuple(float(one) for one in y),
        spreads=tuple(
            float(arm.values.mean(axis=1).std(ddof=1)) if len(arm.values) > 1 else None for arm in arms
        ),
        nested=False if False in nests else None if None in nests else True,
        plateau=plateau, reached=plateau.reached if plateau else None, reached_low=low, reached_high=high,
    )  # fmt: skip


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


Curve = Mapping[str, Any]

_ABOUT = (
    "Each point is the mean over items and seeds; 0 is the untrained model. Where the points bend towards a "
    "plateau, an exponential curve a − (a − b)·exp(−c·n) is fitted, and the table says at which budget 95 % of the "
    "way from b to a is gone, with a bootstrap interval over items. Fewer than four points, or points that do not "
    "bend, give no curve."
)


def budget_curves_section(curves: Sequence[Curve]) -> Section:
    """A plot and a table for every task, metric and unit of budget."""
    keys = dict.fromkeys((curve["task"], curve["metric"], curve["unit"]) for curve in curves)
    blocks = []
    for n, key in enumerate(keys):
        group = [curve for curve in curves if (curve["task"], curve["metric"], curve["unit"]) == key]
        blocks.append(_block(f"curve-{n}", group))
    return Section("curves", "Budget curves", (Block(paragraphs=(_ABOUT,)), *blocks))


def _block(key: str, group: Sequence[Curve]) -> Block:
    first = group[0]
    title = f"{first['task']}: {first['metric']} by {first['unit']}, {BETTER_IS[first['direction']]}"
    shown = [curve for curve in group if ":" not in curve["strategy"]]
    data = {
        "series": [_series(curve) for curve in shown],
        "x_title": f"budget in {first['unit']}",
        "y_title": first["metric"],
    }
    columns: list[Column] = [
        ("Strategy", lambda curve: text(curve["strategy"])),
        ("Budgets", lambda curve: text(", ".join(map(count, curve["budgets"])))),
        ("Plateau", lambda curve: number(*_fit(curve, "plateau", short, "none found"))),
        ("95 % of it reached at", lambda curve: number(_reached(curve), curve["reached"])),
        ("R²", lambda curve: number(*_fit(curve, "r_squared", lambda share: fixed(share, 3), ABSENT))),
        ("Nested", lambda curve: text({True: "yes", False: "no", None: ABSENT}[curve["nested"]])),
    ]
    table = Table.of(f"{key}-table", title, group, columns)
    return Block(
        title,
        plots=(Plot(key, "bandedCurves", "", f"{title}; the table below holds the fits.", data),),
        tables=(table,),
    )


def _series(curve: Curve) -> dict[str, Any]:
    points = list(zip(curve["budgets"], curve["estimates"], curve["spreads"], strict=True))
    hover = []
    for n, y, spread in points:
        over = "" if spread is None else f", standard deviation over seeds {short(spread)}"
        hover.append(f"{curve['strategy']} at {n:,} {curve['unit']}: {short(y)}{over}")
    return {
        "name": curve["strategy"],
        "x": [n for n, _, _ in points],
        "y": [y for _, y, _ in points],
        "low": [None if s is None else y - s for _, y, s in points],
        "high": [None if s is None else y + s for _, y, s in points],
        "hover": hover,
    }


def _fit(curve: Curve, name: str, write: Callable[[float], str], absent: str) -> tuple[str, float | None]:
    """A number of the fitted curve, and how it is shown."""
    plateau = curve["plateau"]
    return (absent, None) if plateau is None else (write(plateau[name]), plateau[name])


def _reached(curve: Curve) -> str:
    if curve["plateau"] is None:
        return ABSENT
    beyond = " (beyond the budgets)" if curve["reached"] > max(curve["budgets"]) else ""
    low = ABSENT if curve["reached_low"] is None else count(round(curve["reached_low"]))
    high = "open" if curve["reached_high"] is None else count(round(curve["reached_high"]))
    return f"{count(round(curve['reached']))}{beyond} ({low} to {high})"


SECTION = ReportSection(
    "curves",
    data=lambda inputs: budget_curves(inputs.arms),
    view=budget_curves_section,
    drawings=("depth_plots.js",),
)
