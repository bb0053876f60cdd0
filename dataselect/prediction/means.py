"""A mean over units that are taken as independent, with Student's interval and p.

The units are named wherever such a mean is shown: usually models, since runs of one model share too much to count as
many. It is the paired interval of comparisons with 0 for the other side.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dataselect.analysis.intervals import paired_difference
from dataselect.prediction.table import Floats


@dataclass(frozen=True, slots=True)
class Mean:
    """A mean over `n` units; None where there is no unit, or too few or too equal ones for an interval."""

    n: int
    estimate: float | None
    ci_low: float | None
    ci_high: float | None
    p: float | None


def mean_over(units: Floats) -> Mean:
    """The mean of (n,) units; NaN stands for a unit without a value."""
    known = units[np.isfinite(units)]
    if not len(known):
        return Mean(0, None, None, None, None)
    found = paired_difference(known[None], np.zeros((1, len(known))))
    return Mean(len(known), found.estimate, found.ci_low, found.ci_high, found.p)
