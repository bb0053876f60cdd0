"""Conformal intervals for a group that was not seen, calibrated on the errors of other groups.

An interval is the prediction plus and minus one half-width: a quantile of the absolute errors of predictions of other
groups, made without them (split conformal regression, Papadopoulos et al. 2002, ECML; with the errors of the jackknife,
Barber et al. 2021, Annals of Statistics 49:486). Every group weighs the same, however many runs it has, since a new one
is one more draw of the groups (Dunn, Wasserman and Ramdas 2022, JASA 118:2491, "pooling CDFs").

With n errors of K groups the half-width is the smallest one at or below which lies (n + 1) / n of the confidence, by
weight; without n of at least 9 for 90 % there is none. `crepes` takes the quantile. It weighs all errors alike, so
those of each group are repeated to the same number.

What is stated holds on average over new groups whose runs err independently of each other. Where all runs of a group
err alike, K groups are K errors, and what holds is at least K / (K + 1) of it: see `least_coverage`. Intervals that
hold for any dependence exist (Lee, Barber and Willett 2023, arXiv 2306.06342), but need ten groups for 90 %, there with
the largest error of all as half-width, and hold far more than stated where groups differ little.

Left out: intervals that are wider for some runs than for others.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from dataselect.registry import require
from dataselect.run_analysis.run_table import Floats

_REPEATED = 2520
"""Errors that each group is repeated to; a multiple of 1 to 10."""

_ROUNDING = 1e-9


def level(n: int, confidence: float) -> float:
    """Return the share of the weight of `n` errors that the half-width holds; above 1 where they are too few."""
    return confidence * (n + 1) / n


def half_width(groups: Sequence[Floats], confidence: float) -> float | None:
    """Return the half-width of the interval of a new group; None where the errors are too few for the confidence.

    Args:
        groups: The errors of each group, in the unit of the outcome, of either sign.
    """
    crepes = require("crepes", extra="forecast")
    share = level(sum(map(len, groups)), confidence)
    if share > 1:
        return None
    repeated = np.concatenate([_repeated(np.abs(one)) for one in groups])
    beyond = math.floor((1 - share) * len(repeated) + _ROUNDING)
    fitted = crepes.ConformalRegressor().fit(repeated)
    # It takes the error that int((1 - confidence) (n + 1)) - 1 others exceed: half-way between whole numbers, rounding
    # cannot count.
    ends = fitted.predict_int(np.zeros(1), confidence=1 - (beyond + 1.5) / (len(repeated) + 1))
    return float(ends[0, 1])


def _repeated(errors: Floats) -> Floats:
    """Repeat each error of a group as often as the others, as far as that goes."""
    places = np.ceil(np.arange(1, _REPEATED + 1) * len(errors) / _REPEATED - _ROUNDING).astype(np.int64)
    return np.asarray(np.sort(errors)[places - 1])


def drawn_half_widths(groups: Sequence[Floats], counts: Floats, confidence: float) -> Floats:
    """Return (draws,) half-widths with each group held several times; with each once it is `half_width`.

    Args:
        counts: (draws, n_groups) times that each group is held. Where too few errors are left the result is NaN.
    """
    sizes = np.array([len(one) for one in groups])
    errors, owners = np.abs(np.concatenate(groups)), np.repeat(np.arange(len(groups)), sizes)
    order = np.argsort(errors)
    below = np.cumsum((counts / sizes)[:, owners[order]], axis=1)
    held = counts @ sizes
    wanted = level(np.maximum(held, 1), confidence) * counts.sum(axis=1)
    places = (below < wanted[:, None] - _ROUNDING).sum(axis=1)
    defined = (held > 0) & (places < len(errors))
    return np.where(defined, errors[order][np.minimum(places, len(errors) - 1)], np.nan)


def least_coverage(n_groups: int, confidence: float) -> float:
    """Return the coverage to count on where all runs of a group err alike, calibrated on `n_groups`."""
    return confidence * n_groups / (n_groups + 1)
