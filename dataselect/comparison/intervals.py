"""The 95 % interval of a difference between two strategies, paired over items and with the seeds' own noise in it.

Two arms were evaluated on the same n items, the strategy with S seeds, the control with R. Two things make their
difference uncertain: which items the task happens to hold, and which seeds happened to be drawn. With

    d_i  = mean over the strategy's seeds of item i - mean over the control's seeds of item i
    A    = G / (G - 1) * sum over G blocks of (sum over items i of the block of (d_i - d))^2 / n^2       G - 1 dof
    B_S  = Var of the strategy's S means over all items / S                                              S - 1 dof
    B_R  = Var of the control's R means over all items / R                                               R - 1 dof

the half-width h of the interval at the level a is

    h(a)^2 = max over both A of t(G - 1, a)^2 * A + t(S - 1, a)^2 * B_S + t(R - 1, a)^2 * B_R

with t(k, a) the two-sided critical value of Student's t, and p is the a at which h(a) is the difference found. For
independent normal parts such an interval holds the truth at least as often as it says, whatever the variances are
(Banerjee 1960, Sankhya 22:355). Satterthwaite's degrees of freedom, which are usual, do not: of three seeds the
variance is now and then very small by chance, and then the degrees grow as well.

A is made twice: of blocks of n // 20 and of n // 10 neighbouring items, in the order of the task file (one item where
that is 0; what is left over joins the last block). Items of one passage or topic, which have more in common than
others, are adjacent in most files: groups of up to a twentieth of the items are in both, of up to a tenth in the
second, but for those that lie across the border of two blocks. Groups that are spread over the file, or are larger, are
not seen. Where every block is one item, A is
Var(d_i) / n.

**Many tests.** A correction for 16 tests on two degrees of freedom would ask for 18 standard errors. For it alone
(`p_family`, which only the correction uses) an arm is taken to be as noisy as it is itself or as the arms of its table
and budget are on average, whichever is more, and Student's t gets 2 (S - 1) and 2 (R - 1) degrees. That is no
theorem: its false tables were counted by simulation (`benchmarks/interval_coverage.py`), with arms that differ in
noise by up to 100 times. A verdict needs both: the corrected p, and the arm's own interval without zero.

It is conservative where single outcomes are noisy: the item-by-seed noise is in the spread of d_i (in A) and once more
in the spread of the seeds' means (in B).

Edge cases. A side with one seed: its noise is unknown, the interval leaves it out, `seed_noise` is False, and there is
no p. No difference on any item and no spread over seeds: p is 1. The same non-zero difference on every item: a variance
of zero supports no interval; p is that of the exact sign test, 2^(1 - n). One item: neither interval nor p.

Left out: the correction itself (`multiple_testing`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

CONFIDENCE = 0.95
_ROUNDING = 1e-12
"""Differences below this share of the largest value are rounding of the means, not outcomes."""
_LEAST_P = 1e-100
_BLOCKS = (20, 10)

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class VarianceEstimate:
    """An estimated variance of a difference and the degrees of freedom of its Student's t."""

    variance: float
    dof: int


@dataclass(frozen=True, slots=True)
class VarianceComponent:
    """One source of uncertainty of a difference: its estimates, of which the one that makes h larger counts.

    Attributes:
        own: For the interval.
        corrected: For the correction of many tests.
    """

    own: tuple[VarianceEstimate, ...]
    corrected: tuple[VarianceEstimate, ...]

    @property
    def variance(self) -> float:
        """The larger estimate."""
        return max(estimate.variance for estimate in self.corrected)


@dataclass(frozen=True)
class ArmDifference:
    """A paired difference, strategy minus control, in units of the metric.

    Attributes:
        ci_low, ci_high: 95 % interval; None where the data support none.
        seed_noise: Whether the noise of both sides' seeds is in the interval.
        components: The variance components of the interval; empty without one.
        sign_p: p of the exact sign test, where there is no interval for want of spread.
    """

    estimate: float
    ci_low: float | None
    ci_high: float | None
    seed_noise: bool
    components: tuple[VarianceComponent, ...] = ()
    sign_p: float | None = None

    @cached_property
    def p(self) -> float | None:
        """Two-sided, by inversion of the interval; None for a single item or where the noise of seeds is unknown."""
        return self._p([part.own for part in self.components])

    @cached_property
    def p_family(self) -> float | None:
        """The p that is corrected for many tests; None where `p` is."""
        return self._p([part.corrected for part in self.components])

    def _p(self, parts: Sequence[Sequence[VarianceEstimate]]) -> float | None:
        if not self.seed_noise or not parts:
            return self.sign_p
        return p_value(self.estimate, parts)


def paired_difference(
    strategy: Floats, control: Floats, typical: float = 0.0, *, untrained: bool = False
) -> ArmDifference:
    """The difference of two arms with its interval.

    Args:
        strategy: (S, n_items) outcomes, one row per seed.
        control: (R, n_items) outcomes of the same items in the same order.
        typical: Mean of `seed_variance` over the arms of the table and budget, for the correction of many tests.
        untrained: The strategy is the model as it is, whose single run has no noise of seeds.
    """
    assert strategy.shape[1] == control.shape[1], "arms are aligned before they are compared"
    scale = _ROUNDING * max(float(np.abs(strategy).max()), float(np.abs(control).max()))
    per_item = strategy.mean(axis=0) - control.mean(axis=0)
    per_item[np.abs(per_item) <= scale] = 0.0
    estimate = float(per_item.mean())
    sides = (control,) if untrained else (strategy, control)
    known = all(len(side) > 1 for side in sides)
    if len(per_item) == 1:
        return ArmDifference(estimate, None, None, known)
    parts = (_items(per_item, scale), *(_seeds(side, typical, scale) for side in sides if len(side) > 1))
    own = [part.own for part in parts]
    if all(one.variance == 0.0 for estimates in own for one in estimates):
        return _without_spread(estimate, len(per_item), known)
    half = half_width(own, 1 - CONFIDENCE)
    return ArmDifference(estimate, estimate - half, estimate + half, known, parts)


def seed_variance(arm: Floats) -> float:
    """Variance over seeds of the means over items; (S, n_items) with two seeds at least."""
    return _seed_variance(arm, _ROUNDING * float(np.abs(arm).max()))


def half_width(parts: Sequence[Sequence[VarianceEstimate]], level: float) -> float:
    """h of the module's docstring at a two-sided level."""
    return float(sum(max(e.variance * critical(e.dof, level) ** 2 for e in part) for part in parts) ** 0.5)


@lru_cache(maxsize=4096)
def critical(dof: float, level: float) -> float:
    """Two-sided critical value of Student's t."""
    from scipy.special import stdtrit

    return -float(stdtrit(dof, level / 2))


def p_value(estimate: float, parts: Sequence[Sequence[VarianceEstimate]]) -> float:
    """The level at which the half-width is the estimate; not below 1e-100."""
    from scipy.optimize import brentq

    if estimate == 0.0:
        return 1.0
    shares = [[VarianceEstimate(e.variance / estimate / estimate, e.dof) for e in part] for part in parts]

    def missing(log_p: float) -> float:
        return half_width(shares, math.exp(log_p)) - 1

    low = math.log(_LEAST_P)
    return math.exp(brentq(missing, low, 0.0, xtol=1e-10)) if missing(low) > 0 else _LEAST_P


def _items(per_item: Floats, scale: float) -> VarianceComponent:
    """A of the module's docstring."""
    if np.ptp(per_item) <= scale:
        nothing = (VarianceEstimate(0.0, len(per_item) - 1),)
        return VarianceComponent(nothing, nothing)
    made = tuple(dict.fromkeys(_blocked(per_item, max(1, len(per_item) // blocks)) for blocks in _BLOCKS))
    return VarianceComponent(made, made)


def _blocked(per_item: Floats, size: int) -> VarianceEstimate:
    n = len(per_item)
    sums = np.add.reduceat(per_item - per_item.mean(), np.arange(0, n - n % size, size))
    blocks = len(sums)
    return VarianceEstimate(blocks / (blocks - 1) * float((sums**2).sum()) / n**2, blocks - 1)


def _seeds(arm: Floats, typical: float, scale: float) -> VarianceComponent:
    """B of one side."""
    seeds, own = len(arm), _seed_variance(arm, scale)
    corrected = VarianceEstimate(max(own, typical) / seeds, 2 * (seeds - 1))
    return VarianceComponent((VarianceEstimate(own / seeds, seeds - 1),), (corrected,))


def _seed_variance(arm: Floats, scale: float) -> float:
    residuals = arm.mean(axis=1) - arm.mean()
    residuals[np.abs(residuals) <= scale] = 0.0
    return float((residuals**2).sum()) / (len(residuals) - 1)


def _without_spread(estimate: float, n: int, known: bool) -> ArmDifference:
    if estimate == 0.0:
        return ArmDifference(0.0, 0.0, 0.0, known, sign_p=1.0 if known else None)
    return ArmDifference(estimate, None, None, known, sign_p=2.0 ** (1 - n) if known else None)
