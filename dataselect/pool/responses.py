"""What is scored of each response: the runs of its tokens, and the bytes that they hold.

A run is a contiguous stretch of response tokens inside one assistant turn. A turn is one run, unless thoughts are left
out of it or its first token is also the first of the sequence.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dataselect.pool.encoder import Integers, Tokens
from dataselect.pool.masks import Parts, tokens_in
from dataselect.pool.spans import Templated
from dataselect.records import RESPONSE

Range = tuple[int, int]
"""First token and the one after the last."""

TurnRuns = list[list[Range]]
"""The runs of each turn of one text."""


def response_runs(templated: Sequence[Templated], tokens: Tokens, parts: Parts, stops: Integers) -> list[TurnRuns]:
    """The runs of each turn of each text.

    Args:
        stops: (n_texts,) index behind the last token that is kept of each text.
    """
    text = np.array([index for index, one in enumerate(templated) for _ in one.turns], np.int64)
    turns = np.array([(turn.start, turn.end) for one in templated for turn in one.turns], np.int64).reshape(-1, 2)
    start, end = (turns + tokens.places[text][:, None]).T
    first, last = (np.minimum(token, stops[text]) for token in tokens_in(tokens, start, end))
    is_whole = (parts.responses[last] - parts.responses[first] == last - first) & (first < last)
    found: list[TurnRuns] = [[] for _ in templated]
    for index, a, b, whole in zip(text.tolist(), first.tolist(), last.tolist(), is_whole.tolist(), strict=True):
        found[index].append([(a, b)] if whole else _runs(parts.codes, a, b))
    return found


def _runs(codes: NDArray[np.int8], first: int, last: int) -> list[Range]:
    is_response = np.concatenate(([False], codes[first:last] == RESPONSE, [False]))
    edges = (np.flatnonzero(is_response[1:] != is_response[:-1]) + first).tolist()
    return list(zip(edges[::2], edges[1::2], strict=True))


def response_bytes(one: Templated, runs: TurnRuns, tokens: Tokens, place: int) -> int:
    """UTF-8 bytes of the response characters that scored tokens of one text hold.

    Args:
        place: Place of the text's first character.
    """
    total, ascii_only = 0, one.text.isascii()
    for turn, found in zip(one.turns, runs, strict=True):
        for first, last in found:
            start = max(turn.start, int(tokens.starts[first]) - place)
            end = min(turn.end, int(tokens.ends[last - 1]) - place)
            total += end - start if ascii_only else len(one.text[start:end].encode("utf-8"))
    return total
