"""The interval of the final's answer: finalist minus control on sealed items, from a few fresh seeds of each.

`dataselect.comparison.intervals` holds at its level for any variances, and pays for that: with three seeds a side and
equal noise its 95 % interval holds 99 % of truths, because the seeds of either side get two degrees of freedom each and
because noise that is new for each item and seed is counted in both parts. Here the two sides' seeds are one part:

    h(a)^2 = t(G - 1, a)^2 * max(A - C, 0) + t(f, a)^2 * (B_S + B_R)

with A, B_S and B_R as there (the larger of both values of A); C, the part of A that is in B too, is the mean square of
the residuals of the (seeds, items) table of either side, without its row and column means, over seeds times items; and
f is Welch's and Satterthwaite's (B_S + B_R)^2 / (B_S^2 / (S - 1) + B_R^2 / (R - 1)).

Two samples of equal size are what Welch's f is good at: if seeds are all the noise, three each, normal, a 95 % interval
misses 3.6 % (equal noise) to 5.8 % (one side noisier by 5 to 10 times), a 97.5 % one 1.6 to 3.3 %. So the level is
nearly kept, not guaranteed. With unequal numbers of seeds it is kept less well (two against three: up to 8.7 %): give
both sides the same number, three at least. Items and seeds stay apart, as there: joined by one f, a seed variance that
is small by chance would also get the items' many degrees. Counts: `benchmarks/recommend/coverage.py`.

**What such a final would have shown.** In another one like it the difference is normal around the truth with the
variance max(A - C, 0) + B_S + B_R, and A, B_S and B_R are estimated again, each as its value times chi-square over its
degrees of freedom; C, which has (S - 1)(G - 1) and more, is taken as known. The detectable difference exceeds the h of
this module, at the level of the look, in 80 % of such finals. That is not `compare`'s, whose h is wider.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dataselect.comparison.intervals import VarianceComponent, critical, paired_difference
from dataselect.comparison.power import effect_beyond, relative_estimates
from dataselect.recommendation.decisions import Floats, GapInterval

LEVEL = 0.05


def level_of_look(look: int) -> float:
    """Two-sided level of the k-th look at the sealed items (from 1): false "better" in 2.5 %, 1.25 %, ... of cases."""
    return LEVEL / 2.0 ** (look - 1)


def sealed_difference(finalist: Floats, control: Floats, level: float = LEVEL) -> GapInterval:
    """The paired difference with its interval at a two-sided level.

    Args:
        finalist: (S, n_items) outcomes of fresh seeds, higher is better.
        control: (R, n_items) outcomes of the same items in the same order.

    Returns:
        Without ends where either side has one seed, there is one item, or every item has the same difference other
        than zero without any spread over seeds.
    """
    difference = paired_difference(finalist, control)
    if not difference.seed_noise:
        return GapInterval(difference.estimate)
    if not difference.components:
        return GapInterval(difference.estimate, difference.ci_low, difference.ci_high)
    half = _half_width(difference.components, _shared(finalist) + _shared(control), level)
    return GapInterval(difference.estimate, difference.estimate - half, difference.estimate + half)


def detectable_difference(finalist: Floats, control: Floats, level: float = LEVEL) -> float | None:
    """The difference whose interval would have left out 0 in 80 % of such finals, in units of the outcomes.

    Args:
        finalist, control, level: As for `sealed_difference`.

    Returns:
        None where there is no interval, or one without width.
    """
    difference = paired_difference(finalist, control)
    if not difference.seed_noise or not difference.components:
        return None
    return detectable_of(difference.components, _shared(finalist) + _shared(control), level)


def detectable_of(components: Sequence[VarianceComponent], shared: float, level: float) -> float | None:
    """`detectable_difference` of known components A, B_S and B_R, and C."""
    items, *sides = (part.own for part in components)
    variance, seeds = max(one.variance for one in items), [side for (side,) in sides]
    error = (max(variance - shared, 0.0) + sum(side.variance for side in seeds)) ** 0.5
    if error == 0.0:
        return None
    relative = relative_estimates(0, tuple(one.dof for one in items))
    at = np.array([critical(one.dof, level) ** 2 for one in items])
    squared = (at * np.maximum(variance * relative - shared, 0.0)).max(axis=1)
    drawn = [side.variance * relative_estimates(1 + n, (side.dof,))[:, 0] for n, side in enumerate(seeds)]
    return effect_beyond(np.sqrt(squared + _of_seeds(drawn, [side.dof for side in seeds], level)), error)


def _of_seeds(variances: Sequence[Floats], dofs: Sequence[int], level: float) -> Floats:
    """(draws,) the second term of h^2."""
    from scipy.special import stdtrit

    total = np.sum(variances, axis=0)
    shares = [np.divide(one, total, out=np.zeros_like(total), where=total > 0) for one in variances]
    freedom = 1.0 / np.maximum(sum(share**2 / dof for share, dof in zip(shares, dofs, strict=True)), 1e-12)
    squared: Floats = stdtrit(freedom, level / 2) ** 2 * total
    return squared


def _half_width(components: Sequence[VarianceComponent], shared: float, level: float) -> float:
    items, *sides = (part.own for part in components)
    squared = max(critical(one.dof, level) ** 2 * max(one.variance - shared, 0.0) for one in items)
    total = sum(side.variance for (side,) in sides)
    if total > 0:
        dof = total**2 / sum(side.variance**2 / side.dof for (side,) in sides)
        squared += critical(dof, level) ** 2 * total
    return float(squared**0.5)


def _shared(side: Floats) -> float:
    """C of the module's docstring, of one side: noise of single outcomes in the mean over seeds and items."""
    seeds, items = side.shape
    residuals = side - side.mean(axis=0) - side.mean(axis=1, keepdims=True) + side.mean()
    square = float((residuals**2).sum()) / ((seeds - 1) * (items - 1))
    return float(square / (seeds * items))
