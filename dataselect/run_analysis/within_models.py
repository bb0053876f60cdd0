"""Spearman within each model, averaged over the models, for many sets of weights at once.

With C the signs of all differences within a model, C_ij = sign(x_i - x_j), the mean rank of a point among the points
that are held w times each, minus the mean of all, is

    a_i = sum_j w_j C_ij / 2

so leaving groups out (weights 0 and 1) and drawing groups with replacement (counts) are both products of C and w, and
the coefficient of a model is sum_i w_i a_i b_i over the root of the two sums of squares: what the points written out as
often as they are held would give. A model in which a side is constant, or with fewer than three points held, has none
and is not in the mean. C has the square of the data sets: meant for hundreds of them.
"""

from __future__ import annotations

import numpy as np

from dataselect.run_analysis.coefficients import partial_correlation
from dataselect.run_analysis.run_table import Floats

MIN_POINTS = 3
"""Points of a model that its coefficient needs."""

_ROUNDING = 1e-9


def signs(values: Floats) -> Floats:
    """Compare all pairs of (..., d) values: (..., d, d) of -1, 0 and 1; 0 beside what is not known."""
    size = float(np.max(np.abs(values), initial=1e-300, where=np.isfinite(values)))
    rounded = np.round(values / size, 12)  # so that equal numbers stay equal
    found = np.sign(rounded[..., :, None] - rounded[..., None, :])
    return np.where(np.isfinite(found), found, 0.0)


def centred_ranks(compared: Floats, held: Floats) -> Floats:
    """Return (..., d, k) ranks minus their mean, from (..., d, d) `signs` and (..., d, k) weights."""
    return np.asarray(compared @ held / 2)


def model_coefficients(a: Floats, b: Floats, held: Floats) -> Floats:
    """Return (..., n_models, k) coefficients of (..., n_models, d, k) centred ranks; NaN where there is none."""
    weighted = held * a
    top, left, right = (one.sum(axis=-2) for one in (weighted * b, weighted * a, held * b * b))
    bottom = np.sqrt(left * right)
    defined = (bottom > _ROUNDING) & ((held > 0).sum(axis=-2) >= MIN_POINTS)
    return np.asarray(np.divide(top, bottom, out=np.full(top.shape, np.nan), where=defined))


def mean_over_models(values: Floats) -> Floats:
    """Average (..., n_models, k) over the models that have a coefficient; NaN where none has."""
    known = np.isfinite(values)
    counts = known.sum(axis=-2)
    sums = np.where(known, values, 0.0).sum(axis=-2)
    return np.asarray(np.divide(sums, counts, out=np.full(sums.shape, np.nan), where=counts > 0))


def mean_spearman(x_signs: Floats, y_signs: Floats, held: Floats) -> Floats:
    """Return (..., k) means over models, from `signs` of both sides and (..., n_models, d, k) weights."""
    a, b = (centred_ranks(one, held) for one in (x_signs, y_signs))
    return mean_over_models(model_coefficients(a, b, held))


def mean_partial(x_signs: Floats, y_signs: Floats, z_signs: Floats, held: Floats) -> Floats:
    """Return (..., k) means over models of the partial Spearman given z.

    A model in which z is constant keeps its plain coefficient: there z is held fixed already. One in which z alone
    orders a side has none.
    """
    a, b, c = (centred_ranks(one, held) for one in (x_signs, y_signs, z_signs))
    xy, xz, yz = (model_coefficients(*pair, held) for pair in ((a, b), (a, c), (b, c)))
    constant = ((held * c * c).sum(axis=-2) <= _ROUNDING) & np.isfinite(xy)
    return mean_over_models(np.where(constant, xy, partial_correlation(xy, xz, yz)))
