"""Responses whose characters are unlike those of their pool: garbled text, another script or language, a lost encoding.

A response is rated by how common its three-letter sequences are among the responses of its pool (case aside):

    likeness = mean over its trigrams of ln((other responses that have the trigram + 0.5) / responses)

and marked below the lower outer fence of its pool: three interquartile ranges below the lower quartile (Tukey), and at
least 1, so that in a uniform pool trigrams have to be less than half as common. A pool that is mixed has wide fences
and marks little. Where there are tasks, a row is marked only if it is also less like the items of every task than
nearly all items (95 %) are like the others; so a few rows of code in a pool of prose stay where the task is code.

Left out: shuffled words, whose trigrams are those of any text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from dataselect.recommendation.audit.kinds import BITS
from dataselect.recommendation.audit.rows import Rows

FEWEST = 50
"""Rows of the smallest pool that is judged."""

_SAMPLE = 20_000
"""Most responses that the counts of trigrams are taken from."""

_SHORTEST, _CHARACTERS = 40, 2_000
"""Characters of the shortest response that is judged, since a number is unlike anything, and the most that are read."""

_BITS, _FENCE, _LEAST_LIKE = 18, 3.0, 0.05
_LEAST_REACH = 1.0
_STEP, _SPREAD = np.uint64(1_000_003), np.uint64(0x9E3779B97F4A7C15)


class Trigrams:
    """In how many of some texts each trigram occurs, in 262,144 cells by hash.

    Args:
        texts: Those to count.
    """

    def __init__(self, texts: Iterable[str]) -> None:
        self._texts_with = np.zeros(1 << _BITS)
        self._texts = 0
        for text in texts:
            self._texts_with[np.unique(_cells(text))] += 1
            self._texts += 1

    def likeness(self, text: str, counted: bool) -> float:
        """Rate a text; 0 would be a text whose every trigram is in every other.

        Args:
            text: At least one character.
            counted: Whether it is one of the texts, which is then left out.
        """
        own = 1 if counted else 0
        return float(np.log((self._texts_with[_cells(text)] - own + 0.5) / self._texts).mean())


def _cells(text: str) -> NDArray[np.uint64]:
    codes = np.frombuffer(f"  {text[:_CHARACTERS].lower()} ".encode("utf-32-le", "surrogatepass"), np.uint32)
    codes = codes.astype(np.uint64)
    joined = (codes[:-2] * _STEP + codes[1:-1]) * _STEP + codes[2:]
    cells: NDArray[np.uint64] = (joined * _SPREAD) >> np.uint64(64 - _BITS)
    return cells


def mark_unlike(rows: Rows, tasks: Iterable[Sequence[str]]) -> None:
    """Mark the rows of all pools.

    Args:
        tasks: The texts of each task's items.
    """
    like_a_task = [_like(items) for items in tasks]
    pool, characters = rows.column("pool"), rows.column("response_characters")
    for one in range(len(rows.pools)):
        own = np.flatnonzero((pool == one) & (characters >= _SHORTEST))
        if len(own) < FEWEST:
            continue
        low = own[_below_fence(rows, own)]
        unlike = [row for row in low.tolist() if not any(like(rows[row].response) for like in like_a_task)]
        rows.mark(np.array(unlike, np.int64), BITS["unlike_pool"])


def _below_fence(rows: Rows, own: NDArray[np.int64]) -> NDArray[np.bool_]:
    rng = np.random.default_rng(0)
    sample = own if len(own) <= _SAMPLE else rng.choice(own, _SAMPLE, replace=False)
    known, counted = Trigrams(rows[row].response for row in sample.tolist()), set(sample.tolist())
    rated = np.array([known.likeness(rows[row].response, row in counted) for row in own.tolist()])
    return rated < _fence(rated)


def _fence(rated: NDArray[np.float64]) -> float:
    low, high = np.quantile(rated, (0.25, 0.75))
    return float(low - max(_FENCE * (high - low), _LEAST_REACH))


def _like(items: Sequence[str]) -> Callable[[str], bool]:
    """Whether a text is as much like the items of a task as its own items are."""
    items = [item for item in items if item.strip()]
    if not items:
        return lambda text: False
    known = Trigrams(items)
    least = float(np.quantile([known.likeness(item, True) for item in items], _LEAST_LIKE))
    return lambda text: known.likeness(text, False) >= least
