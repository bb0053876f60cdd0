"""A permutation test of whether a property goes with a score, with the data set as the unit.

If the property said nothing, the data sets' properties could be dealt out again among the data sets. So columns of the
grid are permuted, the same way for every model, which keeps what the models have in common; the statistic is Spearman's
rho of the pairs that are then there. p is the share of permutations at least as far from 0 as what was found, itself
counted, so that it is never 0 (Phipson and Smyth 2010). With d data sets there are d! permutations: below five data
sets no p is small.
"""

from __future__ import annotations

import numpy as np

from dataselect.prediction.coefficients import correlation
from dataselect.prediction.table import Floats

_ROUNDING = 1e-9


def permutation_p(x: Floats, y: Floats, permutations: int, rng: np.random.Generator) -> float | None:
    """Two-sided p of (n_models, n_datasets) grids with NaN where there is none; None where nothing can be permuted.

    Ranks are those over all known cells of each grid; without missing cells the statistic is Spearman's rho exactly.
    """
    orders = np.array([np.arange(x.shape[1]), *(rng.permutation(x.shape[1]) for _ in range(permutations))])
    ranked_x, ranked_y = _ranks(x), _ranks(y)
    dealt = ranked_x[:, orders].transpose(1, 0, 2).reshape(len(orders), -1)
    fixed = np.broadcast_to(ranked_y.reshape(-1), dealt.shape)
    both = np.isfinite(dealt) & np.isfinite(fixed)
    found = np.abs(correlation(np.where(both, dealt, 0.0), np.where(both, fixed, 0.0), both.astype(np.float64)))
    if not np.isfinite(found[0]):
        return None
    others = found[1:]
    return float((1 + np.sum(others >= found[0] - _ROUNDING)) / (1 + permutations))


def _ranks(values: Floats) -> Floats:
    from scipy.stats import rankdata

    known = np.isfinite(values)
    ranks = np.full(values.shape, np.nan)
    ranks[known] = rankdata(values[known])
    return ranks
