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
"""

from __future__ import annotations

from collections.abc import Sequence

from dataselect.comparison.intervals import VarianceComponent, critical, paired_difference
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
