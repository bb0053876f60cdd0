"""Packs: sequences of any lengths laid end to end, so that a model computes no padding.

Everything in a decoder but attention treats tokens one by one, so a pack passes through it as one long row; attention
is told where each sequence begins (`packed_attention`). Positions begin at 0 in every sequence. With lengths as uneven
as those of instruction data, a padded batch in file order computes two to three times as many tokens as it was given.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dataselect.backends.contract import TokenSequence


@dataclass(frozen=True, slots=True)
class Pack:
    """Some sequences end to end.

    Attributes:
        ids: (n_tokens,) int64 token ids.
        positions: (n_tokens,) int64 position of each token in its own sequence.
        bounds: (n_sequences + 1,) int32 index at which each sequence begins, and the end of the last.
        scored: (n_scored,) int64 indices of the tokens whose log-probability is wanted, in order.
    """

    ids: NDArray[np.int64]
    positions: NDArray[np.int64]
    bounds: NDArray[np.int32]
    scored: NDArray[np.int64]


def pack(sequences: Sequence[TokenSequence]) -> Pack:
    """Lay sequences end to end.

    Args:
        sequences: At least one, each of at least one token.
    """
    bounds = np.cumsum([0, *(len(s.ids) for s in sequences)], dtype=np.int32)
    begins = np.repeat(bounds[:-1], np.diff(bounds))
    positions = np.arange(bounds[-1], dtype=np.int64) - begins
    starts = np.repeat([s.start for s in sequences], np.diff(bounds))
    ids = np.concatenate([s.ids for s in sequences]).astype(np.int64)
    return Pack(ids, positions, bounds, np.flatnonzero(positions >= starts))


def plan_packs(lengths: Sequence[int], pack_tokens: int, apart: int | None = None) -> Iterator[list[int]]:
    """Indices of the sequences of each pack: longest first, each pack at most `pack_tokens` tokens, or one sequence.

    Args:
        lengths: Tokens of each sequence.
        apart: Sequences of more tokens than this share no pack with others; None if all may.
    """
    chosen: list[int] = []
    tokens = 0
    for index in sorted(range(len(lengths)), key=lambda i: (-lengths[i], i)):
        over = tokens + lengths[index] > pack_tokens
        crosses = bool(chosen) and apart is not None and lengths[chosen[-1]] > apart >= lengths[index]
        if chosen and (over or crosses):
            yield chosen
            chosen, tokens = [], 0
        chosen.append(index)
        tokens += lengths[index]
    if chosen:
        yield chosen
