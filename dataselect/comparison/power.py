"""Power: the effect that an experiment like this one would detect, reported with "no difference shown".

An experiment is described by the components of its variance (`intervals`). In another one like it the difference is
normal around the true effect with their sum for its variance, and each estimated variance is its component times
chi-square over its degrees of freedom. Its verdict is "better" or "worse" where the difference exceeds both
half-widths: that of its own interval, and that of the correction at the level of Holm's first step, 5 % over the number
of tests. The half-widths of `DRAWS` such experiments are drawn; given one, the chance to exceed it is that of the
normal distribution; the detectable effect is the one for which the mean of these chances is `POWER`.

The components are those that were found, so that with two or three seeds the effect is uncertain itself. Checked by
simulation from known components (`benchmarks/interval_coverage.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from dataselect.comparison.intervals import CONFIDENCE, VarianceComponent, critical
from dataselect.comparison.resampling import DRAWS

POWER = 0.8

Floats = NDArray[np.float64]


def detectable(components: Sequence[VarianceComponent], tests: int) -> float | None:
    """Return the effect that would be shown in a share `POWER` of such experiments, in units of the metric.

    Args:
        components: Of the variance of the difference.
        tests: How many differences the verdict is corrected for.

    Returns:
        The effect; None if the variance is zero.
    """
    error = sum(part.variance for part in components) ** 0.5
    return effect_beyond(_half_widths(components, tests), error) if error > 0 else None


def effect_beyond(halves: Floats, error: float) -> float:
    """The effect that exceeds the half-width of its interval in a share `POWER` of experiments, in units of the metric.

    Args:
        halves: (draws,) half-widths of the intervals of experiments that are drawn.
        error: Standard error of the difference, above 0.
    """
    from scipy.optimize import brentq

    relative = halves / error
    return float(error * brentq(lambda effect: _seen(effect, relative) - POWER, 0.0, float(relative.max()) + 5.0))


def _seen(effect: float, halves: Floats) -> float:
    from scipy.special import ndtr

    return float((ndtr(effect - halves) + ndtr(-effect - halves)).mean())


def _half_widths(components: Sequence[VarianceComponent], tests: int) -> Floats:
    """(DRAWS,) what a difference must exceed."""
    level = 1 - CONFIDENCE
    own, backed = np.zeros(DRAWS), np.zeros(DRAWS)
    for place, part in enumerate(components):
        drawn = relative_estimates(place, tuple(estimate.dof for estimate in part.own))
        at = np.array([critical(one.dof, level) ** 2 for one in part.own])
        corrected = np.array([critical(one.dof, level / tests) ** 2 for one in part.corrected])
        own += part.variance * (drawn * at).max(axis=1)
        backed += part.variance * (drawn * corrected).max(axis=1)
    wider: Floats = np.sqrt(np.maximum(own, backed))
    return wider


@lru_cache(maxsize=32)
def relative_estimates(place: int, dofs: tuple[int, ...]) -> Floats:
    """(DRAWS, estimates) estimates over truth: of blocks of items, the large ones are made of the small ones.

    Args:
        place: Of the component; another place is another draw.
        dofs: Degrees of freedom of the estimates of one component.
    """
    rng = np.random.default_rng([5, place, *dofs])
    sums = np.zeros(DRAWS)
    drawn, before = {}, 0
    for dof in sorted(set(dofs)):
        sums = sums + rng.chisquare(dof - before, DRAWS)
        drawn[dof], before = sums / dof, dof
    return np.stack([drawn[dof] for dof in dofs], axis=1)
