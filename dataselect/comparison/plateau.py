"""The exponential plateau through a budget curve, and the budget at which 95 % of it is reached.

    y(n) = a - (a - b) * exp(-c * n)        b at n = 0, the plateau a for large n, rate c > 0

is how the authors of information-theoretic sampling describe performance over the size of the training set. For a given
c the best a and b are those of a straight line through (exp(-c n), y), so that only c is searched: on a grid of its
logarithm, then between the neighbours of the best (variable projection, Golub & Pereyra 1973). No starting values, and
the same answer each time. The way from b to a is 95 % gone at n = ln(20) / c.

A curve that has not bent within its budgets fits any plateau that is far enough away: then the best c lies at the edge
of the grid, and there is no plateau rather than a guess. Left out: intervals (`reports.sections.budget_curves`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LEAST_POINTS = 4
"""Three parameters, and one point that could disagree."""

_RATES = np.geomspace(0.05, 50.0, 61)
"""Rates that are tried, as c times the largest n: from a nearly straight line to a step before the first budget."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Plateau:
    """A fitted curve.

    Attributes:
        start: b, the value without data.
        plateau: a, the value with unlimited data.
        rate: c, per unit of the budget.
        r_squared: Share of the variance of the points that the curve explains.
    """

    start: float
    plateau: float
    rate: float
    r_squared: float

    @property
    def reached(self) -> float:
        """The budget at which 95 % of the way from `start` to `plateau` is gone."""
        return math.log(20) / self.rate

    def at(self, n: Floats) -> Floats:
        """The curve at budgets `n`."""
        values: Floats = self.plateau - (self.plateau - self.start) * np.exp(-self.rate * n)
        return values


def fit_plateau(n: Floats, y: Floats) -> Plateau | None:
    """Fit the curve.

    Args:
        n: (n_points,) budgets, 0 for the untrained model.
        y: (n_points,) the metric.

    Returns:
        The curve; None with fewer than four different budgets, without spread, or where the points do not bend towards
        a plateau within the budgets.
    """
    if len(np.unique(n)) < LEAST_POINTS or float(np.ptp(y)) == 0.0:
        return None
    rates = _RATES / float(n.max())
    best = int(np.argmin(_losses(n, y, rates)))
    if best in (0, len(rates) - 1):
        return None
    rate = _refined(n, y, float(rates[best - 1]), float(rates[best + 1]))
    loss, start, plateau = _solve(n, y, rate)
    return Plateau(start, plateau, rate, 1 - loss / float(((y - y.mean()) ** 2).sum()))


def _losses(n: Floats, y: Floats, rates: Floats) -> Floats:
    """(n_rates,) sums of squares of the best curve with each rate."""
    x = np.exp(-rates[:, None] * n)
    dx, dy = x - x.mean(axis=1, keepdims=True), y - y.mean()
    losses: Floats = dy @ dy - (dx @ dy) ** 2 / (dx**2).sum(axis=1)
    return losses


def _refined(n: Floats, y: Floats, low: float, high: float) -> float:
    from scipy.optimize import minimize_scalar

    found = minimize_scalar(
        lambda log: _solve(n, y, math.exp(log))[0], bounds=(math.log(low), math.log(high)), method="bounded",
        options={"xatol": 1e-6},
    )  # fmt: skip
    return math.exp(float(found.x))


def _solve(n: Floats, y: Floats, rate: float) -> tuple[float, float, float]:
    """Sum of squares, start and plateau of the best curve with this rate: y = a + (b - a) * exp(-c n)."""
    x = np.exp(-rate * n)
    dx, dy = x - x.mean(), y - y.mean()
    spread = float(dx @ dx)
    slope = float(dx @ dy) / spread if spread > 0 else 0.0
    plateau = float(y.mean()) - slope * float(x.mean())
    residual = dy - slope * dx
    return float(residual @ residual), plateau + slope, plateau
