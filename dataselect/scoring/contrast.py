"""Scores that need two models: contrasts between their likelihoods of the same response.

For one example with response `y`, the first model θ and a further model j, over the response tokens:

    nll_difference.j    NLL_θ(y) - NLL_j(y)                nats; the log-likelihood ratio log p_j(y) - log p_θ(y).
                                                           With j a tuned θ this is base minus tuned
    excess_loss.j       NLL_θ / T - NLL_j / T              nats per token (RHO-1, 2404.07965), same tokens in both
    excess_loss         NLL_θ / T - mean over j of NLL_j / T
    aligned_likelihood  r = mean over j of -NLL_j / T_j    PoFT's preference score (2412.12865), each j its own tokens
    poft_weight         e^r / (e^r + e^(-NLL_θ / T))       τ of PoFT: its weight of the example in the loss

A difference of sums compares the same text, so it is null where the two models were given different response bytes (a
template that trims, a limit that truncates); an excess loss per token is null unless both split it into the same number
of tokens with the same tokenizer. Left out: selecting tokens inside an example, which is a matter of training.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Column = NDArray[np.float64]


def contrast_names(names: list[str]) -> list[str]:
    """Return the names of the columns that `contrasts` makes for further models called `names`."""
    if not names:
        return []
    each = [f"{kind}.{name}" for name in names for kind in ("nll_difference", "excess_loss")]
    return [*each, "excess_loss", "aligned_likelihood", "poft_weight"]


def contrasts(first: Any, further: Mapping[str, Any], same_tokenizer: Mapping[str, bool]) -> dict[str, Column]:  # noqa: ANN401
    """Compute the contrast columns of aligned tables.

    Args:
        first: Arrow table of the first model's rows.
        further: name -> Arrow table of the same examples in the same order.
        same_tokenizer: name -> whether that model's tokenizer is the first one's.

    Returns:
        name -> (n,) float64, NaN where a value does not exist.
    """
    base = _mean_nll(first)
    columns: dict[str, Column] = {}
    for name, table in further.items():
        same_text = _numbers(first, "response_bytes") == _numbers(table, "response_bytes")
        difference = _numbers(first, "response_nll") - _numbers(table, "response_nll")
        columns[f"nll_difference.{name}"] = np.where(same_text, difference, np.nan)
        same_tokens = _numbers(first, "response_tokens") == _numbers(table, "response_tokens")
        comparable = same_text & same_tokens & same_tokenizer[name]
        columns[f"excess_loss.{name}"] = np.where(comparable, base - _mean_nll(table), np.nan)
    aligned = -np.mean([_mean_nll(table) for table in further.values()], axis=0)
    columns["excess_loss"] = np.mean([columns[f"excess_loss.{name}"] for name in further], axis=0)
    columns["aligned_likelihood"] = aligned
    columns["poft_weight"] = 1.0 / (1.0 + np.exp(-base - aligned))
    return columns


def _numbers(table: Any, name: str) -> Column:  # noqa: ANN401
    values: Column = table[name].to_numpy().astype(np.float64)
    return values


def _mean_nll(table: Any) -> Column:  # noqa: ANN401
    """Return the response NLL per token; NaN where nothing was scored."""
    tokens = _numbers(table, "response_tokens")
    mean: Column = np.divide(
        _numbers(table, "response_nll"), tokens, out=np.full(len(tokens), np.nan), where=tokens > 0
    )
    return mean
