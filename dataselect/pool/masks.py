"""From character spans to token parts: which token is prompt, response or end.

A token belongs to the response when it holds at least one character of one, so a token that straddles the seam is
scored, and counted. The end of a turn is the first special token behind the response, with any white space before it,
and an EOS right behind that.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dataselect.pool.spans import Templated, Turn, response_spans
from dataselect.pool.tokenizer import SpecialTokens
from dataselect.records import END, PROMPT, RESPONSE, UNSCORED

Range = tuple[int, int]
"""First token and the one after the last."""


def tokens_in(spans: NDArray[np.int32], start: int, end: int) -> Range:
    """The tokens that hold a character of `[start, end)`.

    Args:
        spans: (n_tokens, 2) character offsets, non-decreasing.
    """
    if end <= start:
        return (0, 0)
    first = int(np.searchsorted(spans[:, 1], start, side="right"))
    last = int(np.searchsorted(spans[:, 0], end, side="left"))
    return (first, max(first, last))


def token_parts(
    templated: Templated, ids: NDArray[np.int32], spans: NDArray[np.int32], special: SpecialTokens, think: bool
) -> tuple[NDArray[np.int8], frozenset[int]]:
    """Parts of all tokens, and the response tokens that straddle a seam.

    Returns:
        (n_tokens,) int8 part codes and the indices of the seam tokens.
    """
    parts = np.full(len(ids), PROMPT, np.int8)
    seams: set[int] = set()
    for turn in templated.turns:
        last = 0
        for start, end in response_spans(templated, turn, think):
            first, last = tokens_in(spans, start, end)
            parts[first:last] = RESPONSE
            seams |= {t for t in (first, last - 1) if last > first and (spans[t, 0] < start or spans[t, 1] > end)}
        if last:
            parts[last : _end_of_turn(templated.text, ids, spans, last, special)] = END
    if len(parts):
        parts[0] = UNSCORED
    return parts, frozenset(seams - {0})


def _end_of_turn(
    text: str, ids: NDArray[np.int32], spans: NDArray[np.int32], after: int, special: SpecialTokens
) -> int:
    """One past the end tokens that follow a response ending at token `after`; `after` itself if there are none."""
    at = after
    while at < len(ids) and int(ids[at]) not in special.special and not text[spans[at, 0] : spans[at, 1]].strip():
        at += 1
    if at == len(ids) or int(ids[at]) not in special.special:
        return after
    at += 1
    closing = special.eos if special.eos != special.bos else None
    return at + 1 if at < len(ids) and closing is not None and int(ids[at]) == closing else at


def runs(parts: NDArray[np.int8], within: Range) -> list[Range]:
    """The contiguous stretches of response tokens inside a range."""
    is_response = np.concatenate(([False], parts[within[0] : within[1]] == RESPONSE, [False]))
    edges = np.flatnonzero(is_response[1:] != is_response[:-1]) + within[0]
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def final_run(turns: Sequence[Turn], parts: NDArray[np.int8], spans: NDArray[np.int32]) -> Range | None:
    """The response tokens of the final turn; None if there are none or they are not in one piece."""
    if not turns:
        return None
    found = runs(parts, tokens_in(spans, turns[-1].start, turns[-1].end))
    return found[0] if len(found) == 1 else None


def response_bytes(text: str, parts: NDArray[np.int8], spans: NDArray[np.int32], turns: Sequence[Turn]) -> int:
    """UTF-8 bytes of the response characters that scored tokens hold."""
    total = 0
    for turn in turns:
        for first, last in runs(parts, tokens_in(spans, turn.start, turn.end)):
            begin, end = max(turn.start, int(spans[first, 0])), min(turn.end, int(spans[last - 1, 1]))
            total += len(text[begin:end].encode("utf-8", "replace"))
    return total
