"""Packs: sequences of any lengths laid end to end, so that a model computes no padding.

Everything in a decoder but attention treats tokens one by one, so a pack passes through it as one long row; attention
is given the bounds of each sequence (`attention`). Positions begin at 0 in every sequence. With lengths as uneven
as those of instruction data, a padded batch in file order computes two to three times as many tokens as it was given.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dataselect.backends.contract import TokenSequence

_MORE = 1.05
"""Factor by which the number of packs grows when one is too full."""


@dataclass(frozen=True, slots=True)
class Pack:
    """Several sequences end to end.

    Attributes:
        ids: (n_tokens,) int64 token ids.
        positions: (n_tokens,) int64 position of each token in its own sequence.
        bounds: (n_sequences + 1,) int32 index at which each sequence begins, and the end of the last.
        scored: (n_scored,) int64 indices of the tokens to score, in order.
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
    """Yield the indices of each pack: longest first, each pack at most `pack_tokens` tokens, or one sequence.

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


def even_packs(lengths: Sequence[int], pack_tokens: int, lanes: int) -> list[list[int]]:
    """Return the indices of packs that are about equally full, as many for each lane, the fullest first.

    Each sequence, the longest first, joins the emptiest pack; the number of packs grows until all keep to their limit.
    Lanes that take one pack after the other then finish at about the same time, however few sequences there are.

    Args:
        lengths: Tokens of each sequence.
        pack_tokens: Most tokens of a pack that holds more than one sequence.
        lanes: Packs computed at a time.
    """
    order = sorted(range(len(lengths)), key=lambda i: (-lengths[i], i))
    # a sequence over the limit fills one pack, however long it is
    count = _next_multiple(sum(min(length, pack_tokens) for length in lengths) / pack_tokens, lanes)
    while True:
        filled = [(0, number) for number in range(min(count, len(lengths)))]
        packs: list[list[int]] = [[] for _ in filled]
        for index in order:
            tokens, number = filled[0]
            heapq.heapreplace(filled, (tokens + lengths[index], number))
            packs[number].append(index)
        if all(tokens <= pack_tokens or len(packs[number]) == 1 for tokens, number in filled):
            return [packs[number] for _, number in sorted(filled, key=lambda one: (-one[0], one[1]))]
        count = _next_multiple(max(count + 1, count * _MORE), lanes)


def plan_lanes(lengths: Sequence[int], tokens: int, lanes: int) -> Iterator[tuple[int, list[list[int]]]]:
    """Yield stages of lanes with the packs that they take one after the other, within a token budget.

    A sequence belongs to the stage with the most lanes that leave room for as many sequences of its length: all
    lanes, a half, a quarter and so on down to one, whose sequence may itself exceed the budget. The longest come first.

    Args:
        lengths: Tokens of each sequence.
        tokens: Most tokens computed at a time, in all lanes together, unless one sequence has more.
        lanes: Most packs computed at a time.
    """
    stages: dict[int, list[int]] = {}
    for index, length in enumerate(lengths):
        share = lanes
        while share > 1 and share * length > tokens:
            share //= 2
        stages.setdefault(share, []).append(index)
    for share, members in sorted(stages.items()):
        packs = even_packs([lengths[i] for i in members], tokens // share, share)
        yield share, [[members[i] for i in chosen] for chosen in packs]


def _next_multiple(least: float, lanes: int) -> int:
    return max(1, math.ceil(least / lanes)) * lanes
