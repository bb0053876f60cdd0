"""The bootstrap over the examples of a pool, for numbers that are a ratio of two sums.

Every number of a pool is one: a mean (the weights are 1), a mean weighted by tokens, nats over bytes. With values a_i
and weights b_i of n examples,

    estimate   sum a_i / sum b_i
    draw       the same over n examples drawn with replacement, 1,000 times, seeded
    interval   the 2.5 and 97.5 % quantiles of the draws (`dataselect.comparison.bootstrap`)

The percentile interval, because it follows any monotone scale (the interval of a perplexity is exp of that of its mean
loss) and because the interval of a difference between two pools is made the same way: draws of one minus draws of the
other, the pools being drawn independently. The bias-corrected one (BCa) covered no better in simulation: nominal 95 %,
examples of log-normal length, token-weighted loss: 93 % against 91 % at 300 examples, 93 against 90 at 50, 90 against
87 at 20; for means both lie between 92 and 94 %. So read intervals of fewer than 50 examples as somewhat too narrow.

An interval covers how far the number would move with other examples of the same origin, not the choice of the model or
the template. Rows that depend on each other (near duplicates, turns of one dialogue) make it too narrow.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dataselect.comparison.bootstrap import Interval, named_generator, percentile_interval

RESAMPLES = 1000
_CELLS = 2**22
"""Indices drawn at once, which bounds memory."""


@dataclass(frozen=True, slots=True)
class BootstrapRatio:
    """A ratio of sums over the examples of one pool, with its draws.

    Attributes:
        n: Examples that it is over.
        estimate: Over all of them.
        draws: (RESAMPLES,) the same over resamples; empty where n is 1, since one example shows no spread.
    """

    n: int
    estimate: float
    draws: NDArray[np.float64]

    @property
    def interval(self) -> Interval | None:
        """Its 95 % interval; None for a single example."""
        return percentile_interval(self.draws)


def bootstrap_ratio(
    values: NDArray[np.float64], weights: NDArray[np.float64], seed: int, stream: str
) -> BootstrapRatio | None:
    """Bootstrap sum(values) / sum(weights).

    Args:
        values: (n,) finite.
        weights: (n,) above 0.
        seed: Of the whole run.
        stream: Names the draw, so that a pool's numbers do not depend on which other pools are ranked, and two pools
            are drawn independently.

    Returns:
        None for no examples.
    """
    n = len(values)
    if n == 0:
        return None
    draws = np.zeros(0) if n == 1 else _draws(values, weights, named_generator(seed, stream))
    return BootstrapRatio(n, float(values.sum() / weights.sum()), draws)


def difference_interval(first: BootstrapRatio, second: BootstrapRatio) -> Interval | None:
    """Return the 95 % interval of `first` minus `second`; None if one of the pools has a single example."""
    if not len(first.draws) or not len(second.draws):
        return None
    return percentile_interval(first.draws - second.draws)


def _draws(
    values: NDArray[np.float64], weights: NDArray[np.float64], generator: np.random.Generator
) -> NDArray[np.float64]:
    n = len(values)
    at_once = max(1, _CELLS // n)
    parts = []
    for begin in range(0, RESAMPLES, at_once):
        drawn = generator.integers(0, n, (min(at_once, RESAMPLES - begin), n))
        parts.append(values[drawn].sum(axis=1) / weights[drawn].sum(axis=1))
    return np.concatenate(parts)
