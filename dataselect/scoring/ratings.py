"""Ratings from the probabilities of digits, as Deita reads them from its scorers (Liu et al. 2023, arXiv 2312.15685).

    rating of one exchange   sum over k of k p_k, with p the softmax over the logits of the six digits 1 to 6
    complexity, quality      the mean over the exchanges of a dialogue
    complexity_quality       the sum over the exchanges of complexity times quality, which is Deita's own number; of one
                             exchange it is the product

Any backend can compute them: a prompt is scored six times, each time with another digit at its end, and a softmax over
six log-probabilities equals the one over the six logits. That costs six sequences as long as the prompt for each rating
and exchange. Relative to the tokens of perplexity (500 rows, bundled tokenizer): `complexity` 3.2 times as many on
Alpaca, 2.9 on GSM8K, 1.5 on LIMA, and `quality`, whose prompt holds the response, 8.2, 7.1 and 6.3. The numbers are
meaningful if the model was trained to rate, as the authors' two scorers were; those of any other model have to be
validated first.

A row without a rating has null: plain text, no exchange, a prompt that is longer than the model takes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dataselect.backends import TokenSequence
from dataselect.likelihood import expected_digit
from dataselect.pool.rating_prompts import DIGITS, PROMPTS
from dataselect.records import Rendered, TokenScores

RATINGS = tuple(PROMPTS)
PRODUCT = "complexity_quality"


def rating_columns(ratings: Sequence[str]) -> tuple[str, ...]:
    """Return the names of the columns that these ratings make, whatever their order."""
    return (*RATINGS, PRODUCT) if set(ratings) == set(RATINGS) else tuple(ratings)


def rating_sequences(rendered: Rendered) -> list[TokenSequence]:
    """Return six sequences for each rating prompt of an example; only the last token of each is scored."""
    asked = []
    for prompt in rendered.ratings:
        for digit in prompt.digits:
            ids = prompt.token_ids.copy()
            ids[-1] = digit
            asked.append(TokenSequence(ids, len(ids) - 1))
    return asked


def digit_logprobs(rendered: Rendered, answers: Sequence[TokenScores]) -> NDArray[np.float32]:
    """Return the (n_prompts, 6) log-probabilities of the digits, from the answers to `rating_sequences`."""
    last = [answer.logprobs[-1] for answer in answers]
    return np.array(last, np.float32).reshape(-1, len(DIGITS))


def rating_numbers(rendered: Rendered, digits: NDArray[np.float32]) -> dict[str, float]:
    """Compute the columns of one example; those that it has no prompts for are absent.

    Raises:
        FloatingPointError: If a log-probability is not finite.
    """
    each: dict[str, list[float]] = {}
    for prompt, logprobs in zip(rendered.ratings, digits, strict=True):
        each.setdefault(prompt.name, []).append(expected_digit(logprobs))
    found = {name: float(np.mean(values)) for name, values in each.items()}
    if len(each) == len(RATINGS):
        found[PRODUCT] = sum(math.prod(pair) for pair in zip(*each.values(), strict=True))
    return found
