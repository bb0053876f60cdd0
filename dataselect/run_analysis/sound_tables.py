"""Reference tables without the fault: how far an association falls that no few groups, and no length, carry.

Whatever a table is like, some third of its groups carries most of a weak association; that alone is no news. So a fall
counts as a fault only where it is larger than in tables of the same size and the same coefficient in which all groups
share the relation (few groups), or in which the length has nothing to do with it (length):

    few groups   both sides become normal scores within each model, and y* = b x + sqrt(1 - b^2) r, where b belongs to
                 the found Spearman (b = 2 sin(pi s / 6), Pearson 1907) and r are the residuals of the table, standard-
                 ised and permuted among the data sets, the same way for all models: so what the models have in common
                 stays. In each table the same greedy search is made.
    length       the lengths are permuted among the data sets, the same way for all models.

A fall is measured in Fisher's z, so that it means the same for weak and close relations. The greedy falls of all steps
are compared at once: each in standard deviations of its own step over all tables, of which the largest counts. p is
(1 + k) / (1 + n), k of n reference tables with at least as large a fall. It is of the table, not of other data sets.
Where the first 79 tables already give a p above 0.2 the greedy searches stop there.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dataselect.run_analysis.run_table import Floats
from dataselect.run_analysis.within_models import mean_partial, mean_spearman, signs
from dataselect.run_analysis.without_groups import GreedyPath, greedy_path

DRAWS = 399
"""Reference tables."""

_FIRST, _CLEAR = 79, 0.2

_NEAR_ONE = 0.995
_ROUNDING = 1e-9


def normal_scores(values: Floats) -> Floats:
    """Turn (n_models, d) values into standardised normal scores of their ranks, within each model; NaN stays."""
    from scipy.special import ndtri
    from scipy.stats import rankdata

    found = np.full(values.shape, np.nan)
    for row, mine in zip(found, values, strict=True):
        known = np.isfinite(mine)
        if known.any():
            row[known] = ndtri((rankdata(mine[known]) - 0.5) / known.sum())
    return standardised(found)


def standardised(values: Floats) -> Floats:
    """Give (n_models, d) values a mean of 0 and a spread of 1 within each model; 0 where they are all equal."""
    known = np.isfinite(values)
    counts = np.maximum(known.sum(axis=1, keepdims=True), 1)
    moved = values - np.where(known, values, 0.0).sum(axis=1, keepdims=True) / counts
    spread = np.sqrt((np.where(known, moved, 0.0) ** 2).sum(axis=1, keepdims=True) / counts)
    return np.asarray(moved / np.where(spread > _ROUNDING, spread, 1.0))


def shared_relation(x: Floats, y: Floats, spearman: float, rng: np.random.Generator) -> Floats:
    """(DRAWS, n_models, d) outcomes with the same coefficient, carried by all data sets alike."""
    a, b = normal_scores(x), normal_scores(y)
    slope = 2 * np.sin(np.pi * spearman / 6)
    own = np.nansum(a * b, axis=1, keepdims=True) / np.maximum(np.nansum(a * a, axis=1, keepdims=True), _ROUNDING)
    residuals = standardised(b - own * a)
    orders = permutations(x.shape[1], rng)
    return np.asarray(slope * a + np.sqrt(max(0.0, 1 - slope**2)) * np.moveaxis(residuals[:, orders], 0, 1))


def permutations(size: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """(DRAWS, size) random orders."""
    return rng.permuted(np.tile(np.arange(size), (DRAWS, 1)), axis=1)


def few_groups_p(
    x: Floats, y: Floats, spearman: float, path: GreedyPath, members: Floats, rng: np.random.Generator
) -> float:
    """Return how often a relation that all groups share falls as far as this one did.

    Args:
        x, y: (n_models, d), NaN where one of them is missing.
        path: Of the table itself.
    """
    made = shared_relation(x, y, spearman, rng)
    known = np.isfinite(made).astype(np.float64)
    own, x_signs = fisher(np.array([abs(spearman)])) - fisher(path.values[0]), signs(x)[None]
    falls, p = own[None], 1.0
    for some in (slice(0, _FIRST), slice(_FIRST, DRAWS)):
        falls = np.vstack([falls, _falls(x_signs, signs(made[some]), known[some], members, path.values.shape[1])])
        p = _p(falls)
        if p > _CLEAR:
            break
    return p


def _falls(x_signs: Floats, y_signs: Floats, known: Floats, members: Floats, steps: int) -> Floats:
    """(n, steps): how far each table falls at each step of its own greedy search."""
    first = np.abs(mean_spearman(x_signs, y_signs, known[..., None])[:, 0])
    sides: list[Any] = [one.astype(np.float32) for one in (x_signs, y_signs, known, members)]  # half the time
    left = greedy_path(sides[0], sides[1], sides[2], sides[3], steps).values
    return np.asarray(fisher(first)[:, None] - fisher(left))


def length_p(x: Floats, y: Floats, z: Floats, found: float, given: float, rng: np.random.Generator) -> float:
    """Return how often lengths that have nothing to do with it take as much from the association.

    Args:
        x, y, z: (n_models, d), NaN where any is missing.
        found, given: The coefficient, and the same given the length.
    """
    dealt = np.moveaxis(z[:, permutations(x.shape[1], rng)], 0, 1)
    known = (np.isfinite(dealt) & np.isfinite(x)).astype(np.float64)[..., None]
    x_signs, y_signs = (signs(one)[None] for one in (x, y))
    plain, partial = mean_spearman(x_signs, y_signs, known), mean_partial(x_signs, y_signs, signs(dealt), known)
    side = np.sign(found)
    falls = fisher(side * plain) - fisher(side * partial)
    own = np.array([[fisher(np.array(abs(found))) - fisher(np.array(side * given))]])
    return _p(np.vstack([own, falls]))


def fisher(coefficient: Floats) -> Floats:
    """Fisher's z."""
    return np.asarray(np.arctanh(np.clip(coefficient, -_NEAR_ONE, _NEAR_ONE)))


def _p(falls: Floats) -> float:
    """Compare the first row of (1 + n, steps) falls with the others, by the largest standardised step."""
    mean, spread = np.nanmean(falls, axis=0), np.nanstd(falls, axis=0)
    moved = (falls - mean) / np.where(spread > _ROUNDING, spread, np.inf)
    largest = np.max(np.where(np.isfinite(moved), moved, -np.inf), axis=1)
    return float(np.mean(largest >= largest[0] - _ROUNDING))
