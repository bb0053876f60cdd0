"""Perplexity without what the first tokens of steps add to it: the option `steps` of the perplexity strategies.

With the response NLL l, tokens t, and of them the first tokens of lines, k with NLL f, of each candidate:

    drop      exp((l - f) / (t - k))                        NaN where only first tokens are there
    regress   exp(y - b (x - mean x)), y = l / t, x = k / t; b = cov(x, y) / var(x) over the candidates, 0 where all x
              are equal

The idea is that of ASLEC-drop and ASLEC-casl (arXiv 2604.06834), of which only the abstract was read. Left out: other
ends of a step than those in the score table.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Steps = Literal["keep", "drop", "regress"]
STEP_COLUMNS = ("response_nll", "response_tokens", "step_nll", "step_tokens")

Column = NDArray[np.float64]


def step_aware_perplexity(columns: Mapping[str, Column], steps: Literal["drop", "regress"]) -> Column:
    """Compute the perplexity of each candidate without the part of steps.

    Args:
        columns: `STEP_COLUMNS`, each (n,), NaN where there is no value.

    Returns:
        (n,) float64, NaN where there is none.
    """
    nll, tokens, step_nll, step_tokens = (columns[name] for name in STEP_COLUMNS)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        if steps == "drop":
            others = tokens - step_tokens
            mean = np.where(others > 0, (nll - step_nll) / others, np.nan)
        else:
            mean = _without(nll / tokens + 0 * step_nll, step_tokens / tokens)
        found: Column = np.exp(mean)
        return found


def _without(values: Column, cause: Column) -> Column:
    """Return the values minus what a line through them explains by the cause, around the cause's mean."""
    known = np.isfinite(values) & np.isfinite(cause)
    result = np.where(known, values, np.nan)
    x, y = cause[known], values[known]
    if len(x) == 0 or x.min() == x.max():
        return result
    away = x - x.mean()
    result[known] = y - (away @ (y - y.mean())) / (away @ away) * away
    return result
