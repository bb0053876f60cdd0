"""Ratings from the probabilities of digits: what Deita reads from its scorers (Liu et al. 2023, arXiv 2312.15685).

    rating of one exchange   sum over k of k p_k, with p the softmax over the logits of the six digits 1 to 6
    complexity, quality      the mean over the exchanges of a dialogue
    complexity_quality       the sum over the exchanges of complexity times quality, which is Deita's own number; of one
                             exchange it is the product

Any backend can do it: a prompt is scored six times, each time with another digit at its end, and a softmax over six
log-probabilities is the one over the six logits. The cost is that: six sequences as long as the prompt for each rating
and exchange. Beside the tokens that perplexity takes (500 rows, bundled tokenizer): `complexity` 3.2 times as many on
Alpaca, 2.9 on GSM8K, 1.5 on LIMA, and `quality`, whose prompt holds the response, 8.2, 7.1 and 6.3. The numbers mean
something if the model was trained to rate, as the authors' two scorers were; any other model gives numbers too, and how
much they are worth has to be measured.

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
    """Names of the columns that these ratings make, in whatever order they were asked for."""
    return (*RATINGS, PRODUCT) if set(ratings) == set(RATINGS) else tuple(ratings)


def rating_sequences(rendered: Rendered) -> list[TokenSequence]:
    """Six for each rating prompt of an example, of which the last token is wanted."""
    asked = []
    for prompt in rendered.ratings:
        for digit in prompt.digits:
            ids = prompt.token_ids.copy()
            ids[-1] = digit
            asked.append(TokenSequence(ids, len(ids) - 1))
    return asked


def digit_logprobs(rendered: Rendered, answers: Sequence[TokenScores]) -> NDArray[np.float32]:
    """(n_prompts, 6) log-probabilities of the digits, from the answers to `rating_sequences`."""
    last = [answer.logprobs[-1] for answer in answers]
    return np.array(last, np.float32).reshape(-1, len(DIGITS))


def rating_numbers(rendered: Rendered, digits: NDArray[np.float32]) -> dict[str, float]:
    """The columns of one example; those that it has no prompts for are absent.

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
