"""Influence of single points: a coefficient with each of its points left out in turn.

A point carries a coefficient if without it the coefficient has the other sign or is less than half as far from 0. Of
several such points, the one without which it moves farthest is named. A coefficient of few points is usually carried by
one, whatever its size: then it says something about that point.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Influence:
    """The range of the coefficients without one point each.

    Attributes:
        low, high: Its ends; None where a coefficient is not defined with any point left out.
        carried_by: The point that carries it, or None; `without` is the coefficient without that one.
    """

    low: float | None = None
    high: float | None = None
    carried_by: str | None = None
    without: float | None = None


def influence(value: float, left_out: NDArray[np.float64], names: Sequence[str]) -> Influence:
    """The range, and the point that carries the coefficient.

    Args:
        value: Over all points.
        left_out: (n,) the same without each point; NaN where it is not defined.
        names: Of the points.
    """
    known = np.flatnonzero(np.isfinite(left_out))
    if not np.isfinite(value) or not len(known):
        return Influence()
    low, high = (float(f(left_out[known])) for f in (np.min, np.max))
    towards = left_out[known] * np.sign(value)
    carrying = known[(towards < abs(value) / 2) & (abs(value) > 0)]
    if not len(carrying):
        return Influence(low, high)
    most = carrying[np.argmax(np.abs(left_out[carrying] - value))]
    return Influence(low, high, names[most], float(left_out[most]))
